/**
 * Soft accuracy of visual question answering over several annotators, with the field's answer normalisation.
 * Source: the normalisation that EvalAI and TextVQA's own evaluator apply to prediction and annotations alike (MMF,
 * `EvalAIAnswerProcessor` and `TextVQAAccuracyEvaluator`), including its oddities, since published scores contain them.
 */

/** Written out with their apostrophes; what people type lacks exactly one of them. */
const contractions = (
  "ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't haven't he'd he'd've he's how'd how'll how's " +
  "isn't it'd it'd've it'll ma'am mightn't mightn't've might've mustn't must've needn't not've o'clock oughtn't 'ow's'at shan't she'd've should've shouldn't shouldn't've " +
  "somebody'd've somebody'll somebody's someone'd someone'd've someone'll someone's something'd something'd've something'll that's there'd there'd've there're there's " +
  "they'd they'd've they'll they're they've 'twas wasn't we'd've we've weren't what'll what're what's what've when's where'd where's where've who'd who'd've who'll who's who've " +
  "why'll why're why's won't would've wouldn't wouldn't've y'all y'all'll y'all'd've you'd you'd've you'll you're you've"
).split(' ');

const withOneApostropheLess = (word: string): string[] =>
  [...word].flatMap((letter, at) => (letter === "'" ? [word.slice(0, at) + word.slice(at + 1)] : []));

/** Typed form -> proper form; the published table also has this one the wrong way round. */
const contracted = new Map<string, string>([
  ...contractions.flatMap((word) => withOneApostropheLess(word).map((typed) => [typed, word] as const)),
  ["somebody'd", 'somebodyd'],
]);

const numbers = new Map(
  ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'].map((word, value) => [
    word,
    String(value),
  ]),
);
numbers.set('none', '0');
const articles = new Set(['a', 'an', 'the']);
const punctuation = [...';/[]"{}()=+\\_-><@`,?!'];

/** The published code hands a flag where the number of replacements belongs: at most 32 full stops go. */
const mostFullStops = 32;

/**
 * An answer as it is compared: lower case, without punctuation and articles, number words as digits, contractions with
 * their apostrophes.
 */
export function normaliseVqaAnswer(answer: string): string {
  const text = answer
    .toLowerCase()
    .replaceAll(',', '')
    .replaceAll('?', '')
    .replaceAll("'s", " 's")
    .trim()
    .replaceAll('\n', ' ')
    .replaceAll('\t', ' ')
    .trim();
  // Next to a space a mark vanishes, inside a word it becomes a space.
  let plain = text;
  for (const mark of punctuation)
    plain = plain.replaceAll(mark, text.includes(`${mark} `) || text.includes(` ${mark}`) ? '' : ' ');
  let fullStops = 0;
  plain = plain.replace(/\.(?!\d)/g, (stop) => (fullStops++ < mostFullStops ? '' : stop));
  return plain
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => numbers.get(word) ?? word)
    .filter((word) => !articles.has(word))
    .map((word) => contracted.get(word) ?? word)
    .join(' ');
}

/**
 * Soft accuracy, 0..1: over every choice of all annotators but one, min(1, matches / 3), averaged (VQA, Antol et al.
 * 2015). With ten annotators an answer that four of them gave scores 1, one that a single annotator gave .3.
 */
export function vqaAccuracy(prediction: string, annotations: readonly string[]): number {
  if (annotations.length === 0) return 0;
  const answer = normaliseVqaAnswer(prediction);
  const matching = annotations.filter((annotation) => normaliseVqaAnswer(annotation) === answer).length;
  const leftOut = (matches: number) => Math.min(1, matches / 3);
  return (matching * leftOut(matching - 1) + (annotations.length - matching) * leftOut(matching)) / annotations.length;
}

/**
 * A-OKVQA's direct-answer accuracy, 0..1: min(1, annotators who gave exactly this answer / 3), no normalisation
 * (Schwenk et al. 2022, the released evaluation).
 */
export function directAnswerAccuracy(prediction: string, annotations: readonly string[]): number {
  return Math.min(1, annotations.filter((annotation) => annotation === prediction).length / 3);
}
