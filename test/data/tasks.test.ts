/** The plain definitions of tasks against the code that makes their sets and the names that manifests may use. */
import { describe, expect, it } from 'vitest';
import { setTasks } from '../../src/data';
import { publishedTasks } from '../../src/data/readers/published';
import { taskDefinitions } from '../../src/data/tasks';
import { publishedTaskNames } from '../../src/manifest/taskNames';

describe('the definitions of tasks', () => {
  it('are one for each generator and each published manifest, and no other', () => {
    const published = publishedTasks.map(({ name }) => name);
    expect(published.toSorted()).toEqual(publishedTaskNames());
    expect(taskDefinitions.map(({ name }) => name).filter((name) => !published.includes(name))).toEqual([...setTasks]);
    expect(taskDefinitions).toHaveLength(15);
  });
});
