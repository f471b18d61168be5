/** SpreadPilot's four services, in the form that a file has: they are watched if there is no file. */
export const BUILT_IN_SERVICES: Record<string, { url: string; container: string }> = {
  gateway_manager: {
    url: "http://gateway-manager:8080/health",
    container: "spreadpilot-gateway-manager",
  },
  executor: { url: "http://executor:8080/health", container: "spreadpilot-executor" },
  monitor: { url: "http://monitor:8080/health", container: "spreadpilot-monitor" },
  dashboard: { url: "http://dashboard:3000/api/health", container: "spreadpilot-dashboard" },
};

export const BUILT_IN_SOURCE = "built-in services";
