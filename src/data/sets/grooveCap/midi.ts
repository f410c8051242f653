/** MIDI from MMA: running the program on songs of ours, and cutting what it wrote into one piece a mark. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MidiEvent, parseMidi } from 'midi-file';
import { exitCode, userError } from '../../../problems';
import { lastLines, runTool } from '../../../tool';
import type { Source } from '../generator';
import { libraryPath } from './styles';

/** Something a synthesiser does at a time in seconds after the piece's begin. */
export type Command =
  | { at: number; kind: 'on'; channel: number; key: number; velocity: number }
  | { at: number; kind: 'off'; channel: number; key: number }
  | { at: number; kind: 'control'; channel: number; controller: number; value: number }
  | { at: number; kind: 'program'; channel: number; program: number };

interface SongPart {
  /** its mark; letters and digits */
  mark: string;
  groove: string;
  /** quarters a minute */
  tempo: number;
  /** one chord a bar */
  chords: readonly string[];
}

/** An MMA song of several parts in the grooves of one style file. */
export function songText(style: string, parts: readonly SongPart[], seed: number): string {
  return [
    `RndSeed ${seed}`,
    `Use ${style}`,
    ...parts.flatMap(({ mark, groove, tempo, chords }) => [
      `MidiMark ${mark}`,
      `Tempo ${tempo}`,
      `Groove ${groove}`,
      ...chords,
    ]),
    '',
  ].join('\n');
}

/**
 * The MIDI file that MMA writes for a song, as bytes. Needs `python3`. Throws UserError when there is none or when MMA
 * refuses the song.
 */
export async function runMma(source: Source, song: string, where: string): Promise<Uint8Array> {
  const folder = mkdtempSync(join(tmpdir(), 'equipoise-mma-'));
  try {
    writeFileSync(join(folder, 'song.mma'), song);
    writeFileSync(join(folder, 'empty.mmarc'), '');
    // An empty settings file of ours keeps the user's own away; a fixed hash seed keeps the order of Python's sets.
    const result = await runTool(
      'python3',
      [
        '-B',
        '-s',
        join(source.folder, 'usr/bin/mma'),
        '-w',
        '-i',
        join(folder, 'empty.mmarc'),
        '-m',
        '5000',
        '-f',
        join(folder, 'song.mid'),
        join(folder, 'song.mma'),
      ],
      {
        folder,
        environment: {
          MMA_HOME: join(source.folder, libraryPath, '..'),
          PYTHONHASHSEED: '0',
          HOME: folder,
          LC_ALL: 'C',
        },
      },
    );
    if (result.absent)
      throw userError(
        {
          where: 'groove-cap',
          what: 'there is no `python3` on the PATH, and MMA, which writes the grooves, is a Python program',
          expected: 'Python 3.8 or later',
          hint: 'install Python 3, or copy the cache of a machine where this set was made',
        },
        exitCode.unavailable,
      );
    let bytes: Buffer | undefined;
    try {
      bytes = readFileSync(join(folder, 'song.mid'));
    } catch {
      bytes = undefined;
    }
    if (result.code !== 0 || bytes === undefined)
      throw userError(
        { where, what: `MMA refuses the song (${lastLines(result).replaceAll(folder, '')})` },
        exitCode.failed,
      );
    return bytes;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Cuts a MIDI file at its markers: for each mark the commands of the following `seconds`, with programs and controllers
 * as they stand when it begins. Throws UserError for a file that is no MIDI of quarters.
 */
export function cutAtMarks(
  bytes: Uint8Array,
  marks: readonly string[],
  seconds: number,
  where: string,
): Map<string, Command[]> {
  let parsed: ReturnType<typeof parseMidi>;
  try {
    parsed = parseMidi(bytes);
  } catch (error) {
    throw userError(
      { where, what: `it is no MIDI (${error instanceof Error ? error.message : String(error)})` },
      exitCode.failed,
    );
  }
  const perQuarter = parsed.header.ticksPerBeat;
  if (perQuarter === undefined)
    throw userError({ where, what: 'its time is not counted in quarters' }, exitCode.failed);
  const events = parsed.tracks
    .flatMap((track, n) => {
      let tick = 0;
      return track.map((event, i) => ({ tick: (tick += event.deltaTime), n, i, event }));
    })
    .sort((a, b) => a.tick - b.tick || a.n - b.n || a.i - b.i);

  let [time, tick, secondsPerTick] = [0, 0, 0.5 / perQuarter];
  const timed: { time: number; event: MidiEvent }[] = [];
  const begins = new Map<string, number>();
  for (const { tick: at, event } of events) {
    time += (at - tick) * secondsPerTick;
    tick = at;
    if (event.type === 'setTempo') secondsPerTick = event.microsecondsPerBeat / 1e6 / perQuarter;
    else if (event.type === 'marker' && marks.includes(event.text)) begins.set(event.text, time);
    else timed.push({ time, event });
  }
  return new Map(
    [...begins].map(([mark, begin]) => {
      const setting = new Map<string, Command>();
      const commands: Command[] = [];
      for (const { time: at, event } of timed) {
        if (at >= begin + seconds) break;
        const command = commandOf(event, Math.max(0, at - begin));
        if (command === undefined) continue;
        if (at >= begin - 1e-9) commands.push(command);
        else if (command.kind === 'program' || command.kind === 'control')
          setting.set(`${command.kind} ${command.channel} ${command.kind === 'control' ? command.controller : ''}`, {
            ...command,
            at: 0,
          });
      }
      return [mark, [...setting.values(), ...commands]];
    }),
  );
}

function commandOf(event: MidiEvent, at: number): Command | undefined {
  switch (event.type) {
    case 'noteOn':
      return event.velocity === 0
        ? { at, kind: 'off', channel: event.channel, key: event.noteNumber }
        : { at, kind: 'on', channel: event.channel, key: event.noteNumber, velocity: event.velocity };
    case 'noteOff':
      return { at, kind: 'off', channel: event.channel, key: event.noteNumber };
    case 'controller':
      return { at, kind: 'control', channel: event.channel, controller: event.controllerType, value: event.value };
    case 'programChange':
      return { at, kind: 'program', channel: event.channel, program: event.programNumber };
    default:
      return undefined;
  }
}

/** Instruments that captions name, by General MIDI program (from 0); channel 10 (9 from 0) is the drum kit. */
const programs: readonly { name: string; from: number; to: number }[] = [
  { name: 'bass', from: 32, to: 39 },
  { name: 'piano', from: 0, to: 7 },
  { name: 'guitar', from: 24, to: 31 },
  { name: 'strings', from: 40, to: 51 },
];
export const instruments = ['drums', ...programs.map(({ name }) => name)] as const;

/** The instruments that play a note, in the order of `instruments`. */
export function heardInstruments(commands: readonly Command[]): string[] {
  const program = new Map<number, number>();
  const heard = new Set<string>();
  for (const command of commands) {
    if (command.kind === 'program') program.set(command.channel, command.program);
    if (command.kind !== 'on') continue;
    const number = program.get(command.channel) ?? 0;
    const name =
      command.channel === 9 ? 'drums' : programs.find(({ from, to }) => number >= from && number <= to)?.name;
    if (name !== undefined) heard.add(name);
  }
  return instruments.filter((name) => heard.has(name));
}
