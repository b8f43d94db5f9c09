// Package wire takes streams in over TCP: a line that says who publishes what, two
// parameter sets, and access units of H.264, each behind its length.
package wire

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/clients"
)

// Settings are ingest.wire in the configuration.
type Settings struct {
	ingest.ServerSettings
	Greeting string `yaml:"greeting" doc:"What a client hears when it may publish."`
}

func init() {
	ingest.RegisterServer("wire", Settings{Greeting: "welcome"}, "Access units behind their lengths.", newServer, ingest.PublishCommand("wire-cat VIDEO {url}"))
}

// Check wants a greeting.
func (s *Settings) Check() (ps config.Problems) {
	if s.Greeting == "" {
		ps = append(ps, config.At("greeting", "is empty"))
	}
	return ps
}

type server struct {
	Settings
	ingest.ServerDeps
	clients *clients.Table
	ready   chan struct{}
	once    sync.Once
	addr    net.Addr
}

func newServer(s Settings, d ingest.ServerDeps) (ingest.Server, error) {
	return &server{Settings: s, ServerDeps: d, clients: clients.New("wire", s.Limits(), d.Log, d.Clock), ready: make(chan struct{})}, nil
}

func (s *server) Ready() <-chan struct{}          { return s.ready }
func (s *server) Addr() net.Addr                  { return s.addr }
func (s *server) Counts() clients.Counts          { return s.clients.Counts() }
func (s *server) Connections() []media.Connection { return s.clients.List() }

// Run accepts clients until the context ends.
func (s *server) Run(ctx context.Context) error {
	tcp, err := net.Listen("tcp", s.Listen)
	if err != nil {
		return err
	}
	ln := clients.NewListener(tcp, s.Log, s.Clock)
	defer context.AfterFunc(ctx, func() { _ = ln.Close() })()
	s.addr = tcp.Addr()
	s.once.Do(func() { close(s.ready) })
	for {
		c, err := ln.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		k := s.clients.Admit(c.RemoteAddr(), func() { _ = c.Close() })
		if k == nil {
			_ = c.Close()
			continue
		}
		s.Tasks.Go("wire client", func(ctx context.Context) error {
			defer context.AfterFunc(ctx, func() { _ = c.Close() })()
			defer k.Leave()
			defer c.Close()
			if err := s.serve(ctx, c, k); err != nil {
				s.Log.Info("wire client left", "reason", err)
			}
			return nil
		})
	}
}

// counting is a connection whose bytes are counted.
type counting struct {
	net.Conn
	client *clients.Client
}

func (c counting) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.client.Read(n)
	return n, err
}

func (s *server) serve(ctx context.Context, c net.Conn, k *clients.Client) error {
	in := bufio.NewReader(counting{c, k})
	_ = c.SetReadDeadline(time.Now().Add(s.ReadTimeout.D()))
	line, err := in.ReadString('\n')
	if err != nil {
		return err
	}
	var path string
	q := ingest.AccessRequest{Protocol: "wire", Action: ingest.ActionPublish, Remote: c.RemoteAddr().String()}
	words := strings.Fields(line)
	for i, to := range []*string{&path, &q.Credentials.Name, &q.Credentials.Password} {
		if i < len(words) {
			*to = words[i]
		}
	}
	q.Path = path
	user, err := ingest.Authorize(ctx, s.Authorizer, q)
	if err != nil {
		s.clients.RefusedPublisher()
		_, _ = fmt.Fprintln(c, "no")
		return err
	}
	k.Announced(path)
	host, _, _ := net.SplitHostPort(q.Remote)
	pub, err := s.Hub.Publish(path, hub.PublishOptions{Origin: "wire " + q.Remote, Override: s.OverridePublisher, Client: hub.Client{User: user, Host: host}})
	if err != nil {
		return err
	}
	defer pub.Close(endcause.SourceLost)
	k.Publishes(path)
	if _, err := fmt.Fprintln(c, s.Greeting); err != nil {
		return err
	}
	return s.media(c, in, pub)
}

func (s *server) media(c net.Conn, in io.Reader, pub *hub.Publisher) error {
	var sets [][]byte
	next := func() ([]byte, error) {
		_ = c.SetReadDeadline(time.Now().Add(s.ReadTimeout.D()))
		var length uint32
		if err := binary.Read(in, binary.BigEndian, &length); err != nil {
			return nil, err
		}
		b := make([]byte, length)
		_, err := io.ReadFull(in, b)
		return b, err
	}
	for range 2 {
		b, err := next()
		if err != nil {
			return err
		}
		sets = append(sets, b)
	}
	feed := ingest.NewFeed(pub, s.Log)
	defer feed.Close()
	track, err := feed.AddTrack(ingest.TrackConfig{Codec: codec.H264, Timescale: 90000, ParameterSets: sets})
	if err != nil {
		return err
	}
	began := s.Clock.Now()
	for n := int64(0); ; n++ {
		nal, err := next()
		if err != nil {
			return err
		}
		u := feed.Take()
		u.Arrived(began.Add(time.Duration(n) * time.Second / 25))
		u.PTS = n * 3600
		u.DTS = u.PTS
		u.Put(nal)
		if err := track.Unit(u); err != nil {
			return err
		}
	}
}
