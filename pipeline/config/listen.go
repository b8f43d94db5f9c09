package config

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

// ListenFault is the error of a server that cannot listen at its configured address.
type ListenFault struct {
	Setting string // name of the setting with the address, such as http.listen
	Listen  string // host:port
	Remedy  string // advice for the operator
	// error of net.Listen
	Err error
}

// NewListenFault returns a ListenFault with the remedy for err, an error of net.Listen.
func NewListenFault(setting, listen string, err error) *ListenFault {
	_, port, _ := net.SplitHostPort(listen)
	remedy := "set " + setting + " to an address of this machine and a free port"
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		remedy = fmt.Sprintf("find the process that listens there with ss -ltnp 'sport = :%s' as root and stop it, or set %s to a free port", port, setting)
	case errors.Is(err, syscall.EACCES):
		remedy = "a port below 1024 needs the capability CAP_NET_BIND_SERVICE: set " + setting + " to a higher port"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		remedy = fmt.Sprintf("this machine does not have the address: set %s to one that ip -brief address lists, or to :%s for all", setting, port)
	}
	return &ListenFault{setting, listen, remedy, err}
}

// Error returns the setting, the address, the reason and the remedy on one line.
func (f *ListenFault) Error() string {
	reason := f.Err
	if number := syscall.Errno(0); errors.As(f.Err, &number) {
		reason = number
	}
	return fmt.Sprintf("%s: listen on %s: %v (%s)", f.Setting, f.Listen, reason, f.Remedy)
}

// Unwrap returns the error of net.Listen.
func (f *ListenFault) Unwrap() error { return f.Err }

// DialAddress returns the host:port at which clients reach a server that listens at the address listen. If the
// server listens at all addresses of the machine, the host is the first address that other machines can reach.
// If the machine has no such address, the host is the machine's name, or else localhost.
func DialAddress(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); err != nil || host != "" && (ip == nil || !ip.IsUnspecified()) {
		return listen
	}
	interfaces, _ := net.InterfaceAddrs()
	name, _ := os.Hostname()
	return net.JoinHostPort(dialHost(interfaces, name), port)
}

// dialHost returns the host for DialAddress: the first IPv4 address in interfaces, the addresses of the machine,
// that other machines can reach; else the first such IPv6 address, else name, else localhost. People type IPv4
// addresses more easily.
func dialHost(interfaces []net.Addr, name string) string {
	var v6 string
	for _, at := range interfaces {
		network, is := at.(*net.IPNet)
		if !is || !network.IP.IsGlobalUnicast() {
			continue
		}
		if network.IP.To4() != nil {
			return network.IP.String()
		}
		if v6 == "" {
			v6 = network.IP.String()
		}
	}
	switch {
	case v6 != "":
		return v6
	case name != "":
		return name
	}
	return "localhost"
}
