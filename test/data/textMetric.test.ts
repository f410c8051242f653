/** Which metrics a task has: those of its format, whatever it is called. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { metricsOf, metricSources, textMetricOf } from '../../src/data/textMetric';
import { findTask, type TaskFormat } from '../../src/manifest/taskManifest';
import { evaluationRecord } from '../../src/train/evaluate';
import type { StoredPrediction } from '../../src/train/predictions';
import { withCache } from '../../testing/environment';

const place = withCache('test', (folder) => ({ EQUIPOISE_TASKS: join(folder, 'tasks') }));

/** A task of one's own like a published one, under this name and of this format. */
function own(name: string, format: TaskFormat): void {
  const { manifest } = findTask('daquar')!;
  writeFileSync(join(place.folder, 'tasks', `${name}.json`), JSON.stringify({ ...manifest, name, format }));
}

const metricOf = (task: string, kind: string, references: string[]) => textMetricOf(metricsOf(task), kind, references);

describe('the metric of generated text', () => {
  beforeEach(() => {
    mkdirSync(join(place.folder, 'tasks'));
    own('rooms', 'daquar');
    own('daquar-like', 'jsonl');
    own('knowledge', 'a-okvqa');
  });

  it('is that of sets for tasks of the format daquar, and for no others', () => {
    const tasks = ['daquar', 'rooms', 'daquar-like', 'textvqa', 'nowhere'];
    expect(tasks.map((task) => metricOf(task, 'several-parts', ['a']))).toEqual(['sets', 'sets', null, null, null]);
    expect(tasks.map((task) => metricSources(task))).toEqual([['wordnet'], ['wordnet'], [], [], []]);
  });

  it("is A-OKVQA's own for direct answers of that format, and that of captions for a set of them", () => {
    const direct = ['a-okvqa', 'knowledge', 'textvqa'].map((task) => metricOf(task, 'direct-answer', ['a', 'b']));
    expect(direct).toEqual(['directAnswerAccuracy', 'directAnswerAccuracy', 'vqaAccuracy']);
    expect(metricOf('scene-cap', 'two', ['a'])).toBe('captions');
  });

  it('is looked up for each task of an evaluation', async () => {
    const answered = (task: string, id: string): StoredPrediction => ({
      id,
      task,
      kind: 'direct-answer',
      slice: 'new',
      answer: 'car',
      references: ['car', 'car', 'truck'],
      choices: [],
      chosen: null,
      likelihoods: [],
      generated: 'car',
      loss: 1,
      labels: 1,
    });
    const { texts } = await evaluationRecord([answered('knowledge', 'a'), answered('textvqa', 'b')], 1, 'evaluation');
    expect(texts).toEqual({
      directAnswerAccuracy: { value: expect.closeTo(2 / 3, 12), total: 1 },
      // leaving out each annotator in turn: 1/3, 1/3 and 2/3
      vqaAccuracy: { value: expect.closeTo(4 / 9, 12), total: 1 },
    });
  });
});
