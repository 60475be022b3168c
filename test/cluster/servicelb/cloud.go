package main

import (
	"context"
	"fmt"
	"strings"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	cloudprovider "k8s.io/cloud-provider"
)

const (
	namespace = "kube-system"
	// In place of klipper-lb: the lab's nodes open no host ports, and only a ready Pod is needed.
	image          = "nginx"
	nameLabel      = "svccontroller.k3s.cattle.io/svcname"
	namespaceLabel = "svccontroller.k3s.cattle.io/svcnamespace"
)

// A DaemonSet per Service is the load balancer: its Pods take the Service's ports of their nodes.

func (lb *serviceLB) EnsureLoadBalancer(ctx context.Context, _ string, service *core.Service, _ []*core.Node) (*core.LoadBalancerStatus, error) {
	_, err := lb.client.AppsV1().DaemonSets(namespace).Create(ctx, daemonSet(service), meta.CreateOptions{})
	if err != nil && !errors.IsAlreadyExists(err) {
		return nil, err
	}
	// The status follows the Pods: status.go.
	return nil, cloudprovider.ImplementedElsewhere
}

func (lb *serviceLB) UpdateLoadBalancer(context.Context, string, *core.Service, []*core.Node) error {
	return cloudprovider.ImplementedElsewhere
}

func (lb *serviceLB) EnsureLoadBalancerDeleted(ctx context.Context, _ string, service *core.Service) error {
	err := lb.client.AppsV1().DaemonSets(namespace).Delete(ctx, daemonSetName(service), meta.DeleteOptions{})
	if errors.IsNotFound(err) {
		return nil
	}
	return err
}

func (lb *serviceLB) GetLoadBalancer(ctx context.Context, _ string, service *core.Service) (*core.LoadBalancerStatus, bool, error) {
	_, err := lb.client.AppsV1().DaemonSets(namespace).Get(ctx, daemonSetName(service), meta.GetOptions{})
	if errors.IsNotFound(err) {
		return nil, false, nil
	}
	return &service.Status.LoadBalancer, err == nil, err
}

func (lb *serviceLB) GetLoadBalancerName(_ context.Context, _ string, service *core.Service) string {
	return daemonSetName(service)
}

func deleteDaemonSets(ctx context.Context, client kubernetes.Interface) error {
	return client.AppsV1().DaemonSets(namespace).DeleteCollection(ctx, meta.DeleteOptions{}, meta.ListOptions{LabelSelector: nameLabel})
}

func daemonSetName(service *core.Service) string {
	return fmt.Sprintf("svclb-%s-%s", service.Name, service.UID[:8])
}

func daemonSet(service *core.Service) *apps.DaemonSet {
	name := daemonSetName(service)
	labels := map[string]string{"app": name, nameLabel: service.Name, namespaceLabel: service.Namespace}
	var containers []core.Container
	for _, port := range service.Spec.Ports {
		portName := fmt.Sprintf("lb-%s-%d", strings.ToLower(string(port.Protocol)), port.Port)
		containers = append(containers, core.Container{
			Name:  portName,
			Image: image,
			Ports: []core.ContainerPort{{Name: portName, ContainerPort: port.Port, HostPort: port.Port, Protocol: port.Protocol}},
		})
	}
	return &apps.DaemonSet{
		ObjectMeta: meta.ObjectMeta{Name: name, Namespace: namespace, Labels: labels},
		Spec: apps.DaemonSetSpec{
			Selector: &meta.LabelSelector{MatchLabels: map[string]string{"app": name}},
			Template: core.PodTemplateSpec{
				ObjectMeta: meta.ObjectMeta{Labels: labels},
				Spec: core.PodSpec{
					Containers:  containers,
					Tolerations: []core.Toleration{{Key: "node-role.kubernetes.io/control-plane", Operator: core.TolerationOpExists, Effect: core.TaintEffectNoSchedule}},
				},
			},
		},
	}
}

// Of a cloud, ServiceLB is the load balancer only.

func (lb *serviceLB) ProviderName() string { return "k3s" }

func (lb *serviceLB) HasClusterID() bool { return false }

func (lb *serviceLB) Initialize(cloudprovider.ControllerClientBuilder, <-chan struct{}) {}

func (lb *serviceLB) LoadBalancer() (cloudprovider.LoadBalancer, bool) { return lb, true }

func (lb *serviceLB) Instances() (cloudprovider.Instances, bool) { return nil, false }

func (lb *serviceLB) InstancesV2() (cloudprovider.InstancesV2, bool) { return nil, false }

func (lb *serviceLB) Zones() (cloudprovider.Zones, bool) { return nil, false }

func (lb *serviceLB) Clusters() (cloudprovider.Clusters, bool) { return nil, false }

func (lb *serviceLB) Routes() (cloudprovider.Routes, bool) { return nil, false }
