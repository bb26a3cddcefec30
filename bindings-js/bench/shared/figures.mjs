// What a program prints: one JSON object per line.

/** Prints one figure. `spread`: half the interquartile range of the rounds. */
export function figure(table, row, column, value, unit, spread) {
  const round = (number) => Number(number.toPrecision(4));
  const told = { table, row, column, value: round(value), unit };
  if (spread !== undefined) told.spread = round(spread);
  console.log(JSON.stringify(told));
}

/** The value at a share of a list, 0.5 = the median. */
export function quantile(list, share) {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

/** The median, and half the interquartile range. */
export function summary(list) {
  return { median: quantile(list, 0.5), spread: (quantile(list, 0.75) - quantile(list, 0.25)) / 2 };
}
