package rtsptest

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Quirk is one way in which cameras depart from what a client expects. What is
// nil or zero is as a good camera has it.
type Quirk struct {
	Name string // the path of its URL
	Doc  string // which cameras do it

	Clip    string            // of Clips; H264
	Film    func(*Clip) *Clip // makes of the clip what is played
	Auth    []string          // challenges: Basic, or an algorithm of Digest; none is no access control
	NoTCP   bool              // answers 461 where media is asked for over TCP
	Timeout time.Duration     // of a session without a sign of life; a minute
	Public  string            // the methods that OPTIONS lists
	Mode    string            // packetization-mode of H.264, 1

	// Stale says whether the nonce of a request's credentials has become invalid.
	Stale func(s *Session, method string) bool
	// Describe rewrites the session description.
	Describe func(s *Session, sdp string) string
	// Answer changes an answer before it is sent.
	Answer func(x *Exchange)
	// Bytes rewrites an answer as it goes over the wire.
	Bytes func([]byte) []byte
	// Payloads makes one session's packetiser, of a track.
	Payloads func(t *Sender) Packetiser
	// Wire makes what a session does to the packets of each access unit; it returns
	// what is sent.
	Wire func(s *Session) func([]Packet) []Packet
	// Before is written before an interleaved frame.
	Before func(n int) []byte
	// NoReports leaves sender reports out.
	NoReports bool
}

var quirks = map[string]*Quirk{}

func add(q Quirk) {
	if quirks[q.Name] != nil {
		panic(fmt.Sprintf("rtsptest: quirk %q twice", q.Name))
	}
	q.Clip = cmp.Or(q.Clip, H264)
	q.Timeout = cmp.Or(q.Timeout, time.Minute)
	q.Public = cmp.Or(q.Public, "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER")
	q.Mode = cmp.Or(q.Mode, "1")
	quirks[q.Name] = &q
}

// quirkOf is the quirk of a path, nil where there is none. What stands behind a tilde
// tells two streams of one quirk apart.
func quirkOf(path string) *Quirk { return quirks[before(path, "~")] }

// Quirks are all, by name.
func Quirks() (out []*Quirk) {
	for _, q := range quirks {
		out = append(out, q)
	}
	slices.SortFunc(out, func(a, b *Quirk) int { return cmp.Compare(a.Name, b.Name) })
	return out
}
