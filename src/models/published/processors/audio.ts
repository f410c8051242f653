/** Sounds as a published WhisperFeatureExtractor makes them: log-mel spectrograms of a fixed length. */
import { readSound, sampleRate } from '../../../data/audio';
import { readFields } from '../../checkpoint/config';
import type { JsonObject } from '../../../json';
import { logMel, logMelSettings } from '../../parts/logMel';

export interface SoundSteps {
  /** mel bands */
  bands: number;
  /** 10 ms each; longer sounds are cut, shorter ones followed by silence */
  frames: number;
}

/** Longest sound that a configuration may ask for. */
const mostSeconds = 120;

/**
 * Reads a preprocessor configuration. Throws UserError with every problem: another extractor, or settings that Whisper
 * never had.
 */
export function soundSteps(config: JsonObject, where: string): SoundSteps {
  return readFields(config, where, (fields) => {
    const kind = fields.text('feature_extractor_type', '');
    if (kind !== 'WhisperFeatureExtractor') fields.bad('feature_extractor_type', 'WhisperFeatureExtractor');
    const fixed = (name: string, value: number) => {
      if ((fields.raw(name) ?? value) !== value) fields.bad(name, `${value}, as in every Whisper model`);
    };
    fixed('sampling_rate', logMelSettings.rate);
    fixed('n_fft', logMelSettings.window);
    fixed('hop_length', logMelSettings.hop);
    fixed('padding_value', 0);
    fixed('dither', 0);
    if (fields.flag('do_normalize', false)) fields.bad('do_normalize', 'false');
    const seconds = fields.whole('chunk_length', 30, mostSeconds);
    return {
      bands: fields.whole('feature_size', logMelSettings.bands, 512),
      frames: (seconds * logMelSettings.rate) / logMelSettings.hop,
    };
  });
}

/**
 * Log-mel spectrogram [bands, frames] of samples at 16 kHz, cut or followed by silence to the frames of the steps.
 * Throws RangeError for a sample that is not finite.
 */
export function inputFeatures({ bands, frames }: SoundSteps, samples: Float32Array): Float32Array {
  const whole = new Float32Array(frames * logMelSettings.hop);
  whole.set(samples.subarray(0, whole.length));
  const byFrame = logMel(whole, bands);
  const out = new Float32Array(byFrame.length);
  for (let frame = 0; frame < frames; frame++)
    for (let band = 0; band < bands; band++) out[band * frames + frame] = byFrame[frame * bands + band]!;
  return out;
}

/** As inputFeatures, of a file; a notice tells when it was cut. Throws UserError as readSound. */
export async function readFeatures(
  steps: SoundSteps,
  path: string,
): Promise<{ values: Float32Array; notices: string[] }> {
  const samples = await readSound(path);
  const most = steps.frames * logMelSettings.hop;
  const seconds = (count: number) => (count / sampleRate).toFixed(2);
  const notices =
    samples.length > most ? [`${path}: cut to its first ${seconds(most)} of ${seconds(samples.length)} s`] : [];
  return { values: inputFeatures(steps, samples), notices };
}
