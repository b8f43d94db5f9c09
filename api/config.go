package api

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/gospool/spool/api/auth"
	"github.com/gospool/spool/pipeline/config"
)

// Config holds the settings of the user.
type Config struct {
	Name    string // of the product; "spool" if empty
	Version string

	Listen    string         // host:port
	Hosts     []string       // further names of the server that requests may use without auth, besides localhost, the machine's name and IP addresses
	Proxies   []netip.Prefix // their X-Forwarded-For or Forwarded names the client
	Auth      auth.Config    // without users and tokens the server accepts only a loopback address, unless None is set
	TLS       TLS
	RecordDir string // absolute; removed from every text in an answer
	Limits    Limits
	MaxSeries int // streams with their own series in /metrics; 0: all
}

// TLS names the PEM files of the server's certificate. They are read again when they change. While
// they are invalid, the last valid certificate is used.
type TLS struct{ Cert, Key string }

// Limits bound the resources that one client can take. Zero selects the default.
type Limits struct {
	HeaderBytes   int           // of a request (16 KiB)
	BodyBytes     int64         // of a request (64 KiB)
	ReadHeader    time.Duration // from accept or first byte to the header's end (5 s)
	ReadBody      time.Duration // from the header's start to the body's end (15 s)
	Idle          time.Duration // between requests (60 s)
	Stall         time.Duration // time for a client to take 4 MiB of a recording (2 min)
	Connections   int           // open at once (1024); the one idle for the longest is closed first
	LoginFailures int           // of one name from one address in a minute (10); see auth.New
	Shutdown      time.Duration // for requests under way when the server stops (5 s)
}

func (l Limits) withDefaults() Limits {
	return Limits{
		HeaderBytes:   cmp.Or(l.HeaderBytes, 16<<10),
		BodyBytes:     cmp.Or(l.BodyBytes, 64<<10),
		ReadHeader:    cmp.Or(l.ReadHeader, 5*time.Second),
		ReadBody:      cmp.Or(l.ReadBody, 15*time.Second),
		Idle:          cmp.Or(l.Idle, time.Minute),
		Stall:         cmp.Or(l.Stall, 2*time.Minute),
		Connections:   cmp.Or(l.Connections, 1024),
		LoginFailures: cmp.Or(l.LoginFailures, auth.DefaultFailures),
		Shutdown:      cmp.Or(l.Shutdown, 5*time.Second),
	}
}

// Check returns the first error of a configuration. It does no I/O.
func (c Config) Check() error {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fmt.Errorf("http.listen %q: want host:port, as 127.0.0.1:8080", c.Listen)
	}
	if c.Auth.None && !c.Auth.Open() {
		return fmt.Errorf("http.auth: none is written out beside users or tokens: leave one of them out")
	}
	if c.Auth.Open() && !c.Auth.None && !config.Loopback(host) {
		return fmt.Errorf("http.listen %q is not a loopback address, and it has no users and tokens: "+
			"set http.auth users or tokens, listen on 127.0.0.1, or write http.auth: none to open it to every client", c.Listen)
	}
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		return fmt.Errorf("http.tls: both cert and key are needed")
	}
	_, err = auth.New(c.Auth, c.Limits.withDefaults().LoginFailures, nil, nil)
	return err
}
