package live

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gospool/spool/bench/child"
)

// freeAddress returns an address for publishers of s.Protocol. With ts, the ports of all streams follow each other.
func (s *Settings) freeAddress() (string, error) {
	switch s.Protocol {
	case "srt":
		return child.FreeDatagramAddress(1)
	case "ts":
		return child.FreeDatagramAddress(s.Streams)
	}
	return child.FreeAddress()
}

// listening waits until the server accepts publishers.
func listening(ctx context.Context, s *Settings, srv *child.Process, p places) error {
	open := func() bool { return accepts(p.addr) }
	switch s.Protocol {
	case "srt":
		open = func() bool { return bound(p.addr) }
	case "ts":
		open = func() bool {
			for n := range s.Streams {
				if !bound(p.addressOf(n + 1)) {
					return false
				}
			}
			return true
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for !open() {
		select {
		case <-srv.Done:
			return srv.Failed()
		case <-ctx.Done():
			return fmt.Errorf("%s does not listen on %s: %s", srv.Name, p.addr, srv.Output())
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// accepts reports whether a TCP port accepts connections.
func accepts(address string) bool {
	c, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// bound reports whether a socket has a UDP port (proc_pid_net(5)). It sends nothing, because the server would take that
// for a publisher.
func bound(address string) bool {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return false
	}
	for _, table := range []string{"/proc/net/udp", "/proc/net/udp6"} {
		if listed(table, at.Port()) {
			return true
		}
	}
	return false
}

// listed reports whether a table of sockets has a local port.
func listed(table string, port uint16) bool {
	f, err := os.Open(table)
	if err != nil {
		return false
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text()) // number, ADDRESS:PORT in hexadecimal digits, and so on
		if len(fields) < 2 {
			continue
		}
		_, digits, _ := strings.Cut(fields[1], ":")
		if n, err := strconv.ParseUint(digits, 16, 16); err == nil && uint16(n) == port {
			return true
		}
	}
	return false
}
