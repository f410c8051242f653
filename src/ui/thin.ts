/** Long series made short enough to draw, without losing what stands out. */

/** Values over steps, both of one length, steps ascending. */
export interface Points {
  steps: number[];
  values: number[];
}

/**
 * At most about `most` points of a series: of each of `most / 2` equal stretches the smallest and the largest value, in
 * order of step, and always the first and the last point. A series that is short enough is given back as it is.
 */
export function thinned({ steps, values }: Points, most: number): Points {
  const n = steps.length;
  if (n <= most) return { steps, values };
  const buckets = Math.max(1, Math.floor((most - 2) / 2));
  const kept = new Set<number>([0, n - 1]);
  for (let bucket = 0; bucket < buckets; bucket++) {
    const from = Math.floor((bucket * n) / buckets);
    const to = Math.floor(((bucket + 1) * n) / buckets);
    let [low, high] = [from, from];
    for (let i = from + 1; i < to; i++) {
      if (values[i]! < values[low]!) low = i;
      if (values[i]! > values[high]!) high = i;
    }
    kept.add(low).add(high);
  }
  const order = [...kept].sort((a, b) => a - b);
  return { steps: order.map((i) => steps[i]!), values: order.map((i) => values[i]!) };
}
