package bareserver

import (
	"sync"
	"time"

	"github.com/datarhei/gosrt"
)

// SRT is an SRT server that receives a transport stream from each of its publishers with gosrt, and discards it.
type SRT struct {
	listener srt.Listener
	demux    bool
	running  sync.WaitGroup
	count    counts
}

// StartSRT starts a server on a UDP address, with a latency. demux makes it decode the streams with mediacommon. The
// caller must close the server.
func StartSRT(address string, latency time.Duration, demux bool) (*SRT, error) {
	cfg := srt.DefaultConfig()
	cfg.ReceiverLatency, cfg.ListenerControl = latency, largeBuffer
	l, err := srt.Listen("srt", address, cfg)
	if err != nil {
		return nil, err
	}
	s := &SRT{listener: l, demux: demux}
	s.running.Go(s.accept)
	return s, nil
}

// accept accepts every publisher.
func (s *SRT) accept() {
	for {
		request, err := s.listener.Accept2()
		if err != nil {
			return
		}
		conn, err := request.Accept()
		if err != nil {
			s.count.errors.Add(1)
			continue
		}
		s.running.Go(func() {
			defer func() { _ = conn.Close() }()
			s.count.receiveTransport(conn, s.demux)
		})
	}
}

// Address returns the address at which the server listens.
func (s *SRT) Address() string { return s.listener.Addr().String() }

// Stats returns the totals so far. It is safe for concurrent use.
func (s *SRT) Stats() Stats { return s.count.stats() }

// Close stops the server and ends all its sessions.
func (s *SRT) Close() {
	s.listener.Close()
	s.running.Wait()
}
