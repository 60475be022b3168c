package v1beta1

// AsPathPrependPrefixes is the one type that MetalLB v0.16.2 uses and frr-k8s v0.0.26 lacks. MetalLB
// fills it in its frr-k8s mode only; the lab runs the native one.
type AsPathPrependPrefixes struct {
	AsPathPrepend uint8    `json:"asPathPrepend,omitempty"`
	Prefixes      []string `json:"prefixes,omitempty"`
}
