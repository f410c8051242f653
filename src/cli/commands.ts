/**
 * The table of all commands, in the order of the help. A command is one file, loaded when it is called, and one entry
 * here.
 */
import { createRequire } from 'node:module';
import type { CommandEntry, Define } from './command';

/** A dynamic import would do in another set-up; here it stays a native import, which does not know TypeScript files. */
const load = createRequire(__filename);

/** The definition that a command's file exports, loaded when it is asked for. */
const file = (path: string) => (): Define => (load(path) as { define: Define }).define;

export const commands: readonly CommandEntry[] = [
  {
    call: 'init [folder]',
    description: 'begin a project of your own in a folder: a config, an example manifest, and a part on request',
    load: file('./init'),
  },
  {
    call: 'reproduce [manifest]',
    description: 'fetch, train, draw: the quickstart, or another manifest, from nothing to its figures',
    load: file('./reproduce'),
    parts: true,
  },
  {
    call: 'plan <manifest>',
    description: 'show every run of a manifest: new, done, partial or failed, and why',
    load: file('./plan'),
    parts: true,
  },
  {
    call: 'run <manifest>',
    description: 'train the runs of a manifest that are not done',
    load: file('./run'),
    parts: true,
  },
  {
    call: 'status [experiment]',
    description: 'count the runs of every experiment, or list, choose, order or fold those of one',
    load: file('./status'),
    parts: true,
  },
  {
    call: 'compare <a> <b>',
    description: 'compare two runs, or two settings paired by seed: what differs, and the numbers side by side',
    load: file('./compare'),
    parts: true,
  },
  {
    call: 'cancel <experiment> [runs...]',
    description: 'cancel the jobs of an experiment in a Slurm cluster, all or those of some runs',
    load: file('./cancel'),
  },
  {
    call: 'why <run>',
    description: 'say why a run is new, partial, failed or done, and how it differs from the nearest finished run',
    load: file('./why'),
    parts: true,
  },
  {
    call: 'remove <names...>',
    description: 'remove experiments or runs from the results; without --yes it says what would go and changes nothing',
    load: file('./remove'),
  },
  {
    call: 'clean [what...]',
    description:
      'show what can go of results and cache (failed, partial and stale runs, best weights, caches), and with --yes remove it',
    load: file('./clean'),
    parts: true,
  },
  {
    call: 'worker-run <plan> <id>',
    description: 'bring one planned run of a job array to done',
    hidden: true,
    load: file('./workerRun'),
    parts: true,
  },
  {
    call: 'figures [experiment]',
    description:
      'draw the figures of an experiment, by default of all: SVG, PDF, PNG, Vega-Lite specification and data as CSV',
    load: file('./figures'),
    parts: true,
  },
  {
    call: 'tables [experiment]',
    description: 'make the tables of an experiment, by default of all: CSV, Markdown and LaTeX',
    load: file('./tables'),
    parts: true,
  },
  {
    call: 'report [experiment]',
    description:
      'write an experiment, by default each, as one HTML page with figures, tables, settings and provenance; it needs no network',
    load: file('./report'),
    parts: true,
  },
  {
    call: 'claims [experiment]',
    description: 'say which claims the runs support or contradict, of an experiment or of those that the claims name',
    load: file('./claims'),
    parts: true,
  },
  {
    call: 'ui [experiment]',
    description:
      'show the results in a browser as they come: runs, comparisons, answers with their pictures and sounds, claims, figures',
    load: file('./ui'),
    parts: true,
  },
  {
    call: 'keep <experiment>',
    description:
      'keep the finished runs of an experiment in one compact file (Parquet), from which figures and tables are made as from the runs',
    load: file('./keep'),
    parts: true,
  },
  {
    call: 'score <experiment>',
    description:
      'compute the metrics of finished runs again from their stored predictions, without data or model, and hold run.json to them',
    load: file('./score'),
    parts: true,
  },
  {
    call: 'evaluate <run>',
    description: 'evaluate a finished run on its own task or, zero-shot, on another of the same modality',
    load: file('./evaluate'),
    parts: true,
  },
  {
    call: 'landscape <experiment> [runs...]',
    description:
      'measure the loss around the way that finished runs took through their parameters, for the figure loss-contours',
    load: file('./landscape'),
    parts: true,
  },
  {
    call: 'export',
    description: 'finished experiments, their numbers, trained adapters and base weights for others',
    commands: [
      {
        call: 'metrics <experiment> [folder]',
        description: 'write settings, results, journals and answers for pandas, TensorBoard or MLflow',
        load: file('./export/metrics'),
        parts: true,
      },
      {
        call: 'peft <run-or-experiment> <folder>',
        description: "write a run's LoRA adapter (or fully trained backbone) and connector for PEFT and transformers",
        load: file('./export/peft'),
        parts: true,
      },
      {
        call: 'backbone <name> <folder>',
        description: "write a pretrained backbone in transformers' layout, onto which adapters are loaded",
        load: file('./export/backbone'),
      },
      {
        call: 'ro-crate <experiment> [out]',
        description:
          'write an RO-Crate: manifest, journals, figures, data manifests and environment, checked and described',
        load: file('./export/roCrate'),
        parts: true,
      },
    ],
  },
  {
    call: 'verify <crate>',
    description: 'check a crate: files, manifest, identities, journals, and figures drawn again',
    load: file('./verify'),
    parts: true,
  },
  {
    call: 'data',
    description: 'fetch and verify data sets and pretrained weights',
    commands: [
      {
        call: 'preview <task>',
        description:
          'make a generated set and show its counts; with --out also pictures or sounds to look at and listen to',
        load: file('./data/preview'),
      },
      {
        call: 'probe <task>',
        description:
          'train linear probes on the frozen features of a generated set: a ceiling beside chance and the question-only baseline',
        load: file('./data/probe'),
        parts: true,
      },
      {
        call: 'baseline <task>',
        description: 'score what is guessed from a question alone, for sets with free answers',
        load: file('./data/baseline'),
      },
      {
        call: 'list',
        description: 'list every data manifest with its licence, size and state in the cache',
        load: file('./data/list'),
      },
      {
        call: 'fetch [names...]',
        description: 'fetch, verify and unpack the named sources, by default all but whole published checkpoints',
        load: file('./data/fetch'),
      },
      {
        call: 'verify [names...]',
        description: 'hash every cached file of the named sources, all by default, without a network',
        load: file('./data/verify'),
      },
      {
        call: 'tasks',
        description: 'list the published sets and your own tasks, and where their files go',
        load: file('./data/tasks'),
      },
      {
        call: 'import <task>',
        description: 'read, check and keep a published set or a task of your own whose files are in place',
        load: file('./data/import'),
      },
    ],
  },
  {
    call: 'doctor',
    description: 'show the backends, tools and caches of this machine and what is missing',
    load: file('./doctor'),
  },
  {
    call: 'completion <shell>',
    description: 'print a script with which bash, zsh or fish completes commands, options and names',
    load: file('./completion'),
  },
  {
    call: 'complete-names <kind>',
    description: 'names for the completion of a shell',
    hidden: true,
    load: file('./completeNames'),
  },
  {
    call: 'check-model <folder>',
    description: 'compare a checkpoint with the numbers of a reference implementation',
    load: file('./checkModel'),
  },
  {
    call: 'resources <models...>',
    description: 'what a training step of a published model needs in memory and work, from its configuration alone',
    load: file('./resources'),
  },
];
