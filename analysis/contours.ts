/** Contour lines of a function on a grid, by marching squares. */

export interface Segment {
  x: number;
  y: number;
  x2: number;
  y2: number;
}

/**
 * The line segments along which the function has `level`, linear between neighbouring points of the grid.
 * `values[row][column]` belongs to (columns[column], rows[row]). In a saddle the mean of the four corners decides which
 * corners are joined.
 */
export function contourSegments(
  columns: readonly number[],
  rows: readonly number[],
  values: readonly (readonly number[])[],
  level: number,
): Segment[] {
  const segments: Segment[] = [];
  for (let r = 0; r + 1 < rows.length; r++) {
    for (let c = 0; c + 1 < columns.length; c++) {
      // Corners counter-clockwise from the lower left; edge i joins corner i and the next.
      const corners = [
        [c, r],
        [c + 1, r],
        [c + 1, r + 1],
        [c, r + 1],
      ].map(([column, row]) => ({ x: columns[column!]!, y: rows[row!]!, value: values[row!]![column!]! - level }));
      const crossings = corners.flatMap((a, i) => {
        const b = corners[(i + 1) % 4]!;
        if (a.value < 0 === b.value < 0) return [];
        const share = a.value / (a.value - b.value);
        return [{ x: a.x + share * (b.x - a.x), y: a.y + share * (b.y - a.y) }];
      });
      const join = (a: number, b: number) =>
        segments.push({ x: crossings[a]!.x, y: crossings[a]!.y, x2: crossings[b]!.x, y2: crossings[b]!.y });
      if (crossings.length === 2) join(0, 1);
      if (crossings.length === 4) {
        const centreBelow = corners.reduce((sum, corner) => sum + corner.value, 0) < 0;
        if (centreBelow === corners[0]!.value < 0) {
          join(0, 1);
          join(2, 3);
        } else {
          join(0, 3);
          join(1, 2);
        }
      }
    }
  }
  return segments;
}
