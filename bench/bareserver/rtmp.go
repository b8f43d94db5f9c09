package bareserver

import (
	"errors"
	"io"
	"net"
	"sync"

	"github.com/bluenviron/gortmplib"
	"github.com/bluenviron/gortmplib/pkg/message"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

// RTMP is an RTMP server that reads the messages of its publishers with gortmplib, and discards their access units.
type RTMP struct {
	listener net.Listener
	running  sync.WaitGroup
	count    counts

	mu     sync.Mutex // guards the fields below
	closed bool
	conns  map[net.Conn]struct{}
}

// StartRTMP starts a server on a TCP address. The caller must close it.
func StartRTMP(address string) (*RTMP, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	s := &RTMP{listener: l, conns: map[net.Conn]struct{}{}}
	s.running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.running.Go(func() { s.serve(c) })
		}
	})
	return s, nil
}

// Address returns the address at which the server listens.
func (s *RTMP) Address() string { return s.listener.Addr().String() }

// Stats returns the totals so far. It is safe for concurrent use.
func (s *RTMP) Stats() Stats { return s.count.stats() }

// Close stops the server and ends all its sessions.
func (s *RTMP) Close() {
	_ = s.listener.Close()
	s.mu.Lock()
	s.closed = true
	for c := range s.conns {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.running.Wait()
}

// serve reads a connection until it ends.
func (s *RTMP) serve(c net.Conn) {
	s.mu.Lock()
	if s.conns[c] = struct{}{}; s.closed {
		_ = c.Close()
	}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
		_ = c.Close()
	}()
	if err := s.discard(c); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
		s.count.errors.Add(1)
	}
}

// discard counts the access units of a publisher until an error.
func (s *RTMP) discard(c net.Conn) error {
	conn := &gortmplib.ServerConn{RW: c}
	if err := conn.Initialize(); err != nil {
		return err
	}
	if err := conn.AcceptConn(); err != nil {
		return err
	}
	if !conn.Publish {
		return errors.New("a player")
	}
	if err := conn.AcceptAction(); err != nil {
		return err
	}
	s.count.sessions.Add(1)
	for {
		msg, err := conn.Read()
		if err == nil {
			err = s.message(msg)
		}
		if err != nil {
			return err
		}
	}
}

// message counts the access unit of a message, as gortmplib.Reader decodes it. That one begins only after two seconds.
func (s *RTMP) message(msg message.Message) error {
	switch msg := msg.(type) {
	case *message.Video:
		if msg.Type != message.VideoTypeAU {
			return nil
		}
		var au h264.AVCC
		if err := au.Unmarshal(msg.AU); err != nil {
			return err
		}
		s.count.add(au, 1)
	case *message.Audio:
		if msg.AACType == message.AudioAACTypeAU {
			s.count.add([][]byte{msg.AU}, 1)
		}
	}
	return nil
}
