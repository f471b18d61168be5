import { testFaults } from "./fault-run.ts";

testFaults(Number(process.env.FAULT_KILLS ?? 50), 50);
