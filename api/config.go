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

// Config holds the settings of the server.
type Config struct {
	Name    string // name of the product; empty: "spool"
	Version string // version of the product

	Listen string // host:port to listen on
	// Hosts are further names of the server. Without authentication, the header Host of a request
	// must have one of them, localhost, the machine's name or an IP address.
	Hosts   []string
	Proxies []netip.Prefix // addresses of trusted proxies, whose X-Forwarded-For or Forwarded names the client
	// Auth holds users and tokens. Without them Listen must be a loopback address, unless Auth.None
	// is set.
	Auth      auth.Config
	TLS       TLS    // certificate of the server; zero: plain HTTP
	RecordDir string // absolute path of the record directory, which the server removes from texts: see scrub.Scrubber
	FFmpeg    string // program that decodes pictures, a path or a name in PATH; empty: ffmpeg
	Limits    Limits
	MediaMTX  MediaMTX
	MaxSeries int // number of streams with series of their own in /metrics; 0: no limit
}

// TLS holds the names of the PEM files with the server's certificate and its key. The server reads
// the files again when they change. While they are invalid, it uses the last valid certificate.
type TLS struct{ Cert, Key string }

// MediaMTX holds the settings of the listener for clients of MediaMTX's playback server: see package mediamtx. Auth, TLS, Hosts,
// Proxies and Limits are those of the API.
type MediaMTX struct {
	Listen  string   // host:port to listen on, with the rule of Config.Listen; empty: none
	Origins []string // see mediamtx.Origins
}

// Limits bounds the resources that clients can take. A zero field selects the default, which stands
// in parentheses.
type Limits struct {
	HeaderBytes   int           // size of a request's header (16 KiB)
	BodyBytes     int64         // size of a request's body (64 KiB)
	ReadHeader    time.Duration // time from the accepted connection, or a request's first byte, to the header's end (5 s)
	ReadBody      time.Duration // time from the end of the header to the end of the body (15 s)
	Idle          time.Duration // time that a connection may stay open between two requests (60 s)
	Stall         time.Duration // time in which a client must take 4 MiB of a recording's file (2 min)
	Connections   int           // number of open connections (1024): see conn.Listener
	LoginFailures int           // failed sign-ins of one name from one address in a minute (10); see auth.New
	Shutdown      time.Duration // time that running requests get when the server stops (5 s)
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

// Check returns the first error in the configuration, nil for a valid one. It does no I/O.
func (c Config) Check() error {
	if c.Auth.None && !c.Auth.Open() {
		return fmt.Errorf("http.auth: none is written out beside users or tokens: leave one of them out")
	}
	if err := c.checkListen("http.listen", c.Listen); err != nil {
		return err
	}
	if c.MediaMTX.Listen != "" {
		if err := c.checkListen("http.mediamtx.listen", c.MediaMTX.Listen); err != nil {
			return err
		}
	}
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		return fmt.Errorf("http.tls: both cert and key are needed")
	}
	_, err := auth.New(c.Auth, c.Limits.withDefaults().LoginFailures, nil, nil)
	return err
}

func (c Config) checkListen(setting, address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%s %q: want host:port, as 127.0.0.1:8080", setting, address)
	}
	if c.Auth.Open() && !c.Auth.None && !config.Loopback(host) {
		return fmt.Errorf("%s %q is not a loopback address, and it has no users and tokens: "+
			"set http.auth users or tokens, listen on 127.0.0.1, or write http.auth: none to open it to every client", setting, address)
	}
	return nil
}
