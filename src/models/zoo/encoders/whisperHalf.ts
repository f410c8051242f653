/** Whisper's encoders from half precision weights, whole: all blocks and the norm behind them. */
import { join } from 'node:path';
import { openSource } from '../../../sources/sources';
import { logMel, logMelSettings } from '../../parts/logMel';
import {
  pooledFrames,
  whisperBlock,
  whisperFrames,
  whisperParameters,
  type WhisperOptions,
} from '../../parts/whisperEncoder';
import { openCtranslate2 } from '../../weights/ctranslate2';
import { ctranslate2Whisper } from './ctranslate2Whisper';
import { readSoundOf } from './media';
import { encoderTower, type EncoderTower } from './tower';

/** As with whisper-tiny, sounds are 5 s: 500 mel frames, 250 positions, 50 rows of 0.1 s. */
const samples = 5 * logMelSettings.rate;
const frames = samples / logMelSettings.hop;

interface Size {
  name: string;
  about: string;
  width: number;
  layers: number;
  heads: number;
}

function whisperTower({ name, about, width, layers, heads }: Size): EncoderTower {
  const options: WhisperOptions = {
    bands: logMelSettings.bands,
    positions: 1500,
    layers,
    lastNorm: true,
    block: whisperBlock({ width, hidden: 4 * width, heads }),
  };
  return encoderTower({
    name,
    about,
    modality: 'audio',
    blocks: layers,
    source: name,
    quantised: false,
    version: 1,
    rows: 50,
    rowChoices: [50],
    width,
    input: {
      shape: [frames, logMelSettings.bands],
      version: 1,
      read: async (file) => logMel(await readSoundOf(file, samples)),
    },
    part: {
      parameters: whisperParameters(options),
      adapted: ['q', 'v'],
      async weights() {
        const { folder } = await openSource(name);
        const path = join(folder, 'model.bin');
        const file = openCtranslate2(path);
        try {
          return ctranslate2Whisper(file, options, path);
        } finally {
          file.close();
        }
      },
      apply: (part, mel, rows) => pooledFrames(whisperFrames(part, mel, options), frames / 2 / rows),
    },
    batch: 8,
  });
}

export const whisperBase = whisperTower({
  name: 'whisper-base',
  about: "Whisper-base's whole encoder, from half precision weights",
  width: 512,
  layers: 6,
  heads: 8,
});

export const whisperTinyEnglish = whisperTower({
  name: 'whisper-tiny-en',
  about: 'the whole encoder of Whisper-tiny.en, which heard English alone, from half precision weights',
  width: 384,
  layers: 4,
  heads: 6,
});
