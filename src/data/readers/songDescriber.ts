/**
 * Song Describer Dataset (Manco et al., NeurIPS 2023 workshop; docs/datacard.md of its repository, Zenodo 10072001). As
 * released: `song_describer.csv` with caption_id, track_id, caption, is_valid_subset, familiarity, artist_id, album_id,
 * path, duration, ..., and audio.zip with `<two digits>/<track>.2min.mp3`, about two minutes each. is_valid_subset is
 * empty where nobody judged the caption or the judgement was undecided (scripts/create_dataset.py of the same
 * repository); such captions are not of the validated subset. The release is for evaluation alone and has no split: to
 * train on it, tracks are divided by artist. `captions: valid` keeps the validated subset.
 */
import { readCsv, type CsvRow } from './csv';
import { shown } from './names';
import type { ReadContext, Reader } from './reader';
import { longest, nameOf, textOf, type ReleasedRecord } from './record';

const truths: Record<string, boolean> = { true: true, false: false, 1: true, 0: false, '': false };

interface Track {
  first: CsvRow;
  path: string;
  artist: string;
  captions: string[];
  rows: CsvRow[];
}

export const readSongDescriber: Reader = async (context) => {
  const records: ReleasedRecord[] = [];
  for (const { file, split } of context.manifest.questions) {
    for (const [track, { first, path, artist, captions, rows }] of await tracksOf(context, file)) {
      if (!context.ids.claim('track_id', track, first.place)) continue;
      const cut = path.replace(/\.mp3$/, '.2min.mp3');
      records.push({
        place: first.place,
        id: `sdd/${track}`,
        split: split ?? null,
        slice: split ?? 'divided',
        group: artist.trim() === '' ? track : artist,
        kind: 'caption',
        question: 'What do you hear?',
        answer: captions[0]!,
        references: captions,
        choices: [],
        media: { parts: [[`audio/${cut}`, cut, `audio/${path}`, path]] },
        released: {
          caption_id: rows.map((row) => row.values['caption_id']),
          familiarity: rows.map((row) => row.values['familiarity']),
          album_id: first.values['album_id'],
          duration: first.values['duration'],
        },
      });
    }
  }
  return records;
};

/** The wanted captions by track, in the file's order. */
async function tracksOf({ manifest, files, problems, ids }: ReadContext, file: string): Promise<Map<string, Track>> {
  const tracks = new Map<string, Track>();
  const columns = ['caption_id', 'track_id', 'caption', 'is_valid_subset', 'artist_id', 'path'];
  for (const row of await readCsv(files, file, columns, problems)) {
    const { place, values } = row;
    const valid = truths[(values['is_valid_subset'] ?? '').trim().toLowerCase()];
    if (valid === undefined) {
      problems.add(place, 'is_valid_subset is neither true nor false nor empty');
      continue;
    }
    if (!valid && manifest.captions !== 'all') continue;
    const caption = textOf(values['caption'], 'caption', longest.answer, place, problems);
    const track = nameOf(values['track_id'], 'track_id', 100, place, problems);
    const path = nameOf(values['path'], 'path', 300, place, problems);
    if (caption === undefined || track === undefined || path === undefined) continue;
    const captionId = values['caption_id'] ?? '';
    if (captionId !== '' && !ids.claim('caption_id', captionId, place)) continue;
    const entry = tracks.get(track) ?? { first: row, path, artist: values['artist_id'] ?? '', captions: [], rows: [] };
    if (entry.path !== path) {
      problems.add(
        place,
        'the track has another path before',
        `${shown(path)}; ${shown(entry.path)} in ${entry.first.place}`,
      );
      continue;
    }
    entry.captions.push(caption);
    entry.rows.push(row);
    tracks.set(track, entry);
  }
  return tracks;
}
