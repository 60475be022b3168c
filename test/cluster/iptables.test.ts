import { fiveSights } from "./sights.ts";

fiveSights("kube-proxy in iptables mode", { id: "iptables", proxyMode: "iptables" });
