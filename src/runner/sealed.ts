/**
 * JSON files that carry their own hash: an object of a named format and, as its last key, the sha256 of the JSON of
 * everything else.
 */
import { sha256 } from '../files';

/** The text of a sealed file. Keys keep their order, on which the hash depends. */
export function sealedText(content: { format: string }): string {
  return `${JSON.stringify({ ...content, sha256: sha256(JSON.stringify(content)) })}\n`;
}

/**
 * What a sealed text holds, without its hash: what this program wrote, for the hash is right.
 * @param file what the text is called in messages, such as "its file"
 * @throws Error when the text is no JSON object, of another format, or not what its hash says
 */
export function sealedContent(text: string, format: string, file: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`${file} is damaged`);
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new Error(`${file} is damaged`);
  const { sha256: seal, ...content } = value as { format?: unknown; sha256?: unknown };
  if (content.format !== format) throw new Error(`its format is ${JSON.stringify(content.format)}, not "${format}"`);
  if (sha256(JSON.stringify(content)) !== seal) throw new Error(`${file} is damaged`);
  return content;
}
