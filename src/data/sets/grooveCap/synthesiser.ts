/**
 * Sound from MIDI commands by FluidSynth, compiled to WebAssembly (js-synthesizer): the same pieces in the same order
 * give the same samples on every machine. (The first use of a voice differs in its attack from later ones, so the order
 * matters.)
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { requireOptional } from '../../../optional';
import { sampleRate } from '../../audio';
import type { Command } from './midi';

interface Synthesiser {
  /**
   * `seconds` of sound, 16 kHz mono, by commands in the order of their times; at -22 dB root mean square, less where a
   * peak would exceed 0.9.
   */
  render(commands: readonly Command[], seconds: number): Float32Array;
  close(): void;
}

/** FluidSynth's library is under LGPL-2.1, so it is installed by those who make this set alone. */
export const synthesiserPackage = 'js-synthesizer';

/** The part of js-synthesizer that is used: its own types are there only where it is installed. */
interface Library {
  Synthesizer: {
    initializeWithFluidSynthModule(module: unknown): void;
    new (): {
      init(sampleRate: number, settings: { chorusActive: boolean; reverbActive: boolean; polyphony: number }): void;
      loadSFont(bytes: ArrayBuffer): Promise<number>;
      midiAllSoundsOff(): void;
      midiSystemReset(): void;
      midiNoteOn(channel: number, key: number, velocity: number): void;
      midiNoteOff(channel: number, key: number): void;
      midiControl(channel: number, controller: number, value: number): void;
      midiProgramChange(channel: number, program: number): void;
      /** Fills the left and the right channel. */
      render(channels: Float32Array[]): void;
      close(): void;
    };
  };
  waitForReady(): Promise<void>;
  disableLogging(): void;
}

const loudness = 10 ** (-22 / 20);
const highestPeak = 0.9;
/** A quieter root mean square (-80 dB) is left as it is: a decayed offset of the filters, no sound. */
const inaudible = 1e-4;
/** Samples rendered and thrown away before a piece, so that nothing of the one before is heard. */
const flushed = 6400;

/** Throws UserError where the synthesiser is not installed: asked before anything else is made. */
export const requireSynthesiser = (): void => requireOptional('the synthesiser of GrooveCap', [synthesiserPackage]);

/** Opens a sound font. Without reverberation and chorus, so that a piece leaves nothing behind for the next. */
export async function openSynthesiser(soundFont: string): Promise<Synthesiser> {
  requireSynthesiser();
  // Both are scripts of the old kind; loaded here, so that nothing else pays for them.
  const load = createRequire(__filename);
  const library = load('js-synthesizer') as Library;
  library.Synthesizer.initializeWithFluidSynthModule(load('js-synthesizer/libfluidsynth'));
  await library.waitForReady();
  library.disableLogging();
  const synthesiser = new library.Synthesizer();
  synthesiser.init(sampleRate, { chorusActive: false, reverbActive: false, polyphony: 256 });
  const bytes = readFileSync(soundFont);
  await synthesiser.loadSFont(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  return {
    render(commands, seconds) {
      synthesiser.midiAllSoundsOff();
      synthesiser.midiSystemReset();
      synthesiser.render([new Float32Array(flushed), new Float32Array(flushed)]);
      const samples = Math.round(seconds * sampleRate);
      const [left, right] = [new Float32Array(samples), new Float32Array(samples)];
      let done = 0;
      const until = (at: number) => {
        const end = Math.min(samples, Math.round(at * sampleRate));
        if (end > done) synthesiser.render([left.subarray(done, end), right.subarray(done, end)]);
        done = Math.max(done, end);
      };
      for (const command of commands) {
        until(command.at);
        switch (command.kind) {
          case 'on':
            synthesiser.midiNoteOn(command.channel, command.key, command.velocity);
            break;
          case 'off':
            synthesiser.midiNoteOff(command.channel, command.key);
            break;
          case 'control':
            synthesiser.midiControl(command.channel, command.controller, command.value);
            break;
          case 'program':
            synthesiser.midiProgramChange(command.channel, command.program);
            break;
        }
      }
      until(seconds);
      const mono = left.map((value, i) => (value + right[i]!) / 2);
      const level = Math.sqrt(mono.reduce((sum, value) => sum + value * value, 0) / samples);
      const peak = mono.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      return level < inaudible ? mono : mono.map((value) => value * Math.min(loudness / level, highestPeak / peak));
    },
    close: () => synthesiser.close(),
  };
}
