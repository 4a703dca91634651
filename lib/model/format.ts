const thousands = /\B(?=(\d{3})+(?!\d))/g;

/** `1,234,567` */
export function formatCount(value: number | bigint): string {
  return value.toString().replace(thousands, ",");
}

/** `12.3 MB`, decimal units. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  // 999,960 is 1.0 MB, not 1000.0 kB.
  const shown = (): number => (unit === 0 ? value : Number(value.toFixed(1)));
  for (; shown() >= 1000 && unit < units.length - 1; unit += 1) value /= 1000;
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit] ?? ""}`;
}

/** `3.2 s`, `4 min 05 s`, `2 h 03 min` */
export function formatSeconds(seconds: number): string {
  if (Number(seconds.toFixed(1)) < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${twoDigits(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${twoDigits(Math.floor((whole % 3600) / 60))} min`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
