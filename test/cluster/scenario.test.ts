import { wholeScenario } from "./whole-scenario.ts";

wholeScenario("kube-proxy in nftables mode", { id: "cluster", proxyMode: "nftables" });
