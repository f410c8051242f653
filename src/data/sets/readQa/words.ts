/** What is written on signs, and in which fonts. The lists are part of the set's identity. */

/** Parts of the set, in the order of its questions. */
export const parts = ['train', 'validation', 'evaluation'] as const;
export type Part = (typeof parts)[number];

/** Words that are read as a whole (kind `word`): common on signs, of different looks. */
export const signs = [
  'stop',
  'milk',
  'pizza',
  'music',
  'school',
  'water',
  'market',
  'garden',
  'circus',
  'farm',
  'zoo',
  'exit',
] as const;

/**
 * Words whose letters are counted (kind `letters`), by the answer and the part that shows them. Those of validation are
 * version 1's validation and evaluation words; those of evaluation are new in version 2 and had never been scored.
 */
export const lengths = {
  three: {
    train: [
      'cat',
      'dog',
      'sun',
      'box',
      'cup',
      'map',
      'pen',
      'hat',
      'bus',
      'car',
      'egg',
      'jam',
      'key',
      'leg',
      'net',
      'owl',
      'pig',
      'red',
      'sea',
      'tea',
      'van',
    ],
    validation: ['web', 'bed', 'ice', 'ant', 'bee', 'cow', 'fox', 'hen', 'sky'],
    evaluation: ['lip', 'oak', 'rug', 'fan', 'toy', 'gum'],
  },
  five: {
    train: [
      'apple',
      'beach',
      'chair',
      'dance',
      'earth',
      'field',
      'glass',
      'heart',
      'juice',
      'knife',
      'lemon',
      'mouse',
      'night',
      'ocean',
      'piano',
      'queen',
      'river',
      'sheep',
      'table',
      'uncle',
      'video',
    ],
    validation: ['whale', 'zebra', 'bring', 'cloud', 'dream', 'eagle', 'ghost', 'horse', 'light'],
    evaluation: ['bread', 'clock', 'grape', 'plant', 'smile', 'tiger'],
  },
  eight: {
    train: [
      'airplane',
      'birthday',
      'children',
      'daughter',
      'elephant',
      'festival',
      'grateful',
      'hospital',
      'internet',
      'junction',
      'keyboard',
      'language',
      'mountain',
      'neighbor',
      'original',
      'painting',
      'question',
      'railroad',
      'sandwich',
      'treasure',
      'umbrella',
    ],
    validation: [
      'vacation',
      'weekends',
      'yourself',
      'baseball',
      'calendar',
      'dinosaur',
      'exercise',
      'football',
      'gardener',
    ],
    evaluation: ['aircraft', 'building', 'computer', 'envelope', 'hedgehog', 'scissors'],
  },
} as const satisfies Record<string, Record<Part, readonly string[]>>;
export type LengthAnswer = keyof typeof lengths;
export const lengthAnswers = Object.keys(lengths) as LengthAnswer[];

const files = (families: readonly string[]) =>
  families.flatMap((name) => [`400Regular/${name}_400Regular.ttf`, `700Bold/${name}_700Bold.ttf`]);

/**
 * Files of the source `reading-fonts`, by part. Validation is written in the fonts of version 1's evaluation; those of
 * evaluation are new in version 2.
 */
export const fonts: Readonly<Record<Part, readonly string[]>> = {
  train: files(['Lato', 'Roboto', 'Merriweather', 'Oswald', 'Bitter', 'PTSerif']),
  validation: files(['OpenSans', 'Ubuntu']),
  evaluation: files(['SourceSans3', 'Lora']),
};

export const digitWords = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'] as const;
