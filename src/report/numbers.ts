/** A share as "97.1 %"; small ones keep two digits: "0.020 %". */
export function formatPercent(share: number): string {
  const percent = share * 100;
  if (!Number.isFinite(percent)) return "–";
  const digits = percent === 0 || Math.abs(percent) >= 1 ? 1 : 1 - Math.floor(Math.log10(percent));
  return `${percent.toFixed(Math.min(digits, 6))} %`;
}

/** "82,783". */
export function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}

/** A number of any size with four digits: "0.002130", "7.214", "1.2e-7". */
export function formatValue(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e6)) return value.toExponential(2);
  return Number.isInteger(value) ? formatCount(value) : value.toPrecision(4);
}

/** How many times chance a result is: "48 × chance". */
export function formatTimesChance(value: number, chance: number): string {
  const times = value / chance;
  if (!Number.isFinite(times)) return "chance is 0";
  return `${times >= 10 ? formatCount(Math.round(times)) : times.toFixed(1)} × chance`;
}

/** "42 s", "7 min 05 s", "3 h 12 min". */
export function formatSeconds(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  if (hours === 0) return `${minutes} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${hours} h ${String(minutes).padStart(2, "0")} min`;
}
