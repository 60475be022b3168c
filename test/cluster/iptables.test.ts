import { fiveSights } from "./whole-scenario.ts";

fiveSights("kube-proxy in iptables mode", { id: "iptables", proxyMode: "iptables" });
