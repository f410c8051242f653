/** What is written on signs, and in which fonts. The lists are part of the set's identity. */

/** Words that are read as a whole (kind `word`): common on signs, of different looks. */
export const signs = ['stop', 'milk', 'pizza', 'music', 'school', 'water', 'market', 'garden', 'circus', 'farm', 'zoo', 'exit'] as const;

/** Words whose letters are counted (kind `letters`), by the answer; evaluation uses the last fifth of each list. */
export const lengths = {
  three: ['cat', 'dog', 'sun', 'box', 'cup', 'map', 'pen', 'hat', 'bus', 'car', 'egg', 'jam', 'key', 'leg', 'net', 'owl', 'pig', 'red', 'sea', 'tea', 'van', 'web', 'bed', 'ice', 'ant', 'bee', 'cow', 'fox', 'hen', 'sky'],
  five: ['apple', 'beach', 'chair', 'dance', 'earth', 'field', 'glass', 'heart', 'juice', 'knife', 'lemon', 'mouse', 'night', 'ocean', 'piano', 'queen', 'river', 'sheep', 'table', 'uncle', 'video', 'whale', 'zebra', 'bring', 'cloud', 'dream', 'eagle', 'ghost', 'horse', 'light'],
  eight: ['airplane', 'birthday', 'children', 'daughter', 'elephant', 'festival', 'grateful', 'hospital', 'internet', 'junction', 'keyboard', 'language', 'mountain', 'neighbor', 'original', 'painting', 'question', 'railroad', 'sandwich', 'treasure', 'umbrella', 'vacation', 'weekends', 'yourself', 'baseball', 'calendar', 'dinosaur', 'exercise', 'football', 'gardener'],
} as const;
export type LengthAnswer = keyof typeof lengths;
export const lengthAnswers = Object.keys(lengths) as LengthAnswer[];

/** Files of the source `reading-fonts`; evaluation is written in fonts that training never shows. */
export const fonts = {
  seen: ['Lato', 'Roboto', 'Merriweather', 'Oswald', 'Bitter', 'PTSerif'].flatMap((name) => [`400Regular/${name}_400Regular.ttf`, `700Bold/${name}_700Bold.ttf`]),
  unseen: ['OpenSans', 'Ubuntu'].flatMap((name) => [`400Regular/${name}_400Regular.ttf`, `700Bold/${name}_700Bold.ttf`]),
} as const;

export const digitWords = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'] as const;
