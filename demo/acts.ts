/** The two acts: which services stand on the stage, how they are broken, and what must come of it. */

interface Role {
  displayName: string;
  container: string;
  /** Its health asks the database. */
  needsDatabase?: true;
}

export interface Scene {
  /** Who is broken, and how (`stand-in.mjs`). */
  service: string;
  mode: "500" | "hang" | "deaf" | "crash" | "blip";
  /** What the audience is told before it happens. */
  title: string;
  lesson: string;
  /** Services that must be restarted once; every other must not be restarted at all. */
  restarted: string[];
  /** Services that must fail and be healthy again. */
  hurt: string[];
}

export interface Act {
  title: string;
  intro: string;
  roles: Record<string, Role>;
  scenes: Scene[];
}

const GATEWAY: Role = { displayName: "Gateway Manager", container: "spreadpilot-gateway-manager" };
const EXECUTOR: Role = { displayName: "Executor", container: "spreadpilot-executor" };
const MONITOR: Role = { displayName: "Monitor", container: "spreadpilot-monitor" };
const DASHBOARD: Role = { displayName: "Dashboard", container: "spreadpilot-dashboard" };
const DATABASE: Role = { displayName: "Database", container: "spreadpilot-database" };

const alone = (service: string) => ({ service, restarted: [service], hurt: [service] });

const SERVICES: Act = {
  title: "Four services, five faults",
  intro:
    "Every second the watchdog asks each service's /health. After 3 failures in a row it restarts the " +
    "service, then goes on checking, and says that it recovered only when a check has passed.",
  roles: { gateway_manager: GATEWAY, executor: EXECUTOR, monitor: MONITOR, dashboard: DASHBOARD },
  scenes: [
    {
      ...alone("gateway_manager"),
      mode: "500",
      title: "Gateway Manager answers every request with 500",
      lesson: "It runs, so a restart policy of Docker or systemd would see nothing wrong.",
    },
    {
      ...alone("executor"),
      mode: "hang",
      title: "Executor hangs: it accepts connections and never answers",
      lesson: "Its port is open. Only a deadline can tell.",
    },
    {
      ...alone("monitor"),
      mode: "crash",
      title: "Monitor crashes: its process is gone",
      lesson: "Nobody listens any more; it is started anew.",
    },
    {
      ...alone("dashboard"),
      mode: "deaf",
      title: "Dashboard hangs so badly that it ignores SIGTERM",
      lesson: "It is asked politely, and killed when its stop timeout (1 s) is over.",
    },
    {
      service: "executor",
      mode: "blip",
      restarted: [],
      hurt: ["executor"],
      title: "Executor gives two bad answers, then good ones",
      lesson: "Two are not three: it must be left alone.",
    },
  ],
};

const DEPENDENCIES: Act = {
  title: "A database falls, and three services follow",
  intro:
    "Executor, Monitor and Dashboard ask the database in their own /health, and the configuration says " +
    "so (dependsOn). Four services will be down at once; only one of them needs a restart.",
  roles: {
    database: DATABASE,
    gateway_manager: GATEWAY,
    executor: { ...EXECUTOR, needsDatabase: true },
    monitor: { ...MONITOR, needsDatabase: true },
    dashboard: { ...DASHBOARD, needsDatabase: true },
  },
  scenes: [
    {
      service: "database",
      mode: "crash",
      restarted: ["database"],
      hurt: ["database", "executor", "monitor", "dashboard"],
      title: "The database crashes",
      lesson: "Root cause first: the three others are not to be restarted, and nobody is to be told of them.",
    },
  ],
};

export const ACTS: Readonly<Record<number, Act>> = { 1: SERVICES, 2: DEPENDENCIES };
/** Those that `npm run demo` plays when it is not told which. */
export const USUAL_ACTS = [1, 2];
