// Stands where MetalLB's go.mod asks for all of Kubernetes 1.20, which only its own tests import.
module k8s.io/kubernetes

go 1.16
