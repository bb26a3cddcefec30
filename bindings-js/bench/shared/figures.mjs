// What a program prints: one JSON object per line.

const short = (number) => Number(number.toPrecision(4));

/** Prints what was measured once. */
export function figure(table, row, column, value, unit) {
  console.log(JSON.stringify({ table, row, column, value: short(value), unit }));
}

/** Prints rounds: each is a number, or the list of its single calls; `percent` names the quantile of these (50). */
export function figureOfRounds(table, row, column, rounds, unit, percent) {
  const shortened = rounds.map((round) => (Array.isArray(round) ? round.map(short) : short(round)));
  console.log(JSON.stringify({ table, row, column, rounds: shortened, unit, percent }));
}
