import { wholeScenario } from "./whole-scenario.ts";

wholeScenario("kube-proxy in iptables mode", { id: "iptables", proxyMode: "iptables" });
