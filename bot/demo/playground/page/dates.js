// Times as Slack shows them: in the reader's time zone and language.

const DAY = 86_400_000;

const format = (options) => new Intl.DateTimeFormat(undefined, options);
const TIME = format({ hour: "numeric", minute: "2-digit" });
const SECONDS = format({ hour: "numeric", minute: "2-digit", second: "2-digit" });
const NUMBERS = format({ year: "numeric", month: "2-digit", day: "2-digit" });
const PLAIN = format({ year: "numeric", month: "long", day: "numeric" });
const SHORT = format({ year: "numeric", month: "short", day: "numeric" });
const LONG = format({ weekday: "long", year: "numeric", month: "long", day: "numeric" });
const DAYS = format({ weekday: "long", month: "long", day: "numeric" });

const KINDS = {
  date_num: (at) => NUMBERS.format(at),
  date: (at) => PLAIN.format(at),
  date_short: (at) => SHORT.format(at),
  date_long: (at) => LONG.format(at),
  date_pretty: (at, now) => pretty(at, now) ?? PLAIN.format(at),
  date_short_pretty: (at, now) => pretty(at, now) ?? SHORT.format(at),
  date_long_pretty: (at, now) => pretty(at, now) ?? LONG.format(at),
  time: (at) => TIME.format(at),
  time_secs: (at) => SECONDS.format(at),
  ago: (at, now) => ago((now - at) / 1000),
};

/** A date token, or its fallback if the format is unknown. Times are in seconds. */
export function dateToken(seconds, pattern, fallback, now) {
  const names = [...pattern.matchAll(/{(\w+)}/g)].map(([, name]) => name);
  if (!names.every((name) => name in KINDS)) return fallback;
  const at = new Date(seconds * 1000);
  return pattern.replace(/{(\w+)}/g, (_, name) => KINDS[name](at, new Date(now * 1000)));
}

export const time = (seconds) => TIME.format(new Date(seconds * 1000));
export const timeWithSeconds = (seconds) => SECONDS.format(new Date(seconds * 1000));
export const day = (seconds, now) => {
  const at = new Date(seconds * 1000);
  const word = pretty(at, new Date(now * 1000));
  return word ? word[0].toUpperCase() + word.slice(1) : DAYS.format(at);
};

const midnight = (at) => new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();

function pretty(at, now) {
  const days = Math.round((midnight(at) - midnight(now)) / DAY);
  return { 0: "today", "-1": "yesterday", 1: "tomorrow" }[days];
}

/** How long ago, rounded. */
export function ago(seconds) {
  const [count, unit] =
    seconds < 3600
      ? [seconds / 60, "min"]
      : seconds < 172_800
        ? [seconds / 3600, "h"]
        : [seconds / 86_400, "d"];
  return `${Math.max(0, Math.floor(count))} ${unit} ago`;
}

/** `7 min 12 s` */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
