package rtsptest

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Quirk is one deviation of cameras from the expectations of a client. A nil or zero field means the behaviour of a
// good camera.
type Quirk struct {
	Name string // the path of its URL
	Doc  string // the cameras that have it

	Clip    string            // of Clips; H264
	Film    func(*Clip) *Clip // makes the played clip from the original
	Auth    []string          // challenges: Basic, or an algorithm of Digest; empty: no access control
	NoTCP   bool              // answers 461 to requests for media over TCP
	Timeout time.Duration     // of a session without requests; a minute
	Public  string            // the methods that OPTIONS lists
	Mode    string            // packetization-mode of H.264, 1

	// Stale reports whether the nonce of a request's credentials has become invalid.
	Stale func(s *Session, method string) bool
	// Describe rewrites the session description.
	Describe func(s *Session, sdp string) string
	// Answer changes an answer before it is sent.
	Answer func(x *Exchange)
	// Bytes rewrites the bytes of an answer.
	Bytes func([]byte) []byte
	// Payloads makes the packetiser of a track in one session.
	Payloads func(t *Sender) Packetiser
	// Wire makes a function that changes the packets of each access unit in one session; it returns the packets to
	// send.
	Wire func(s *Session) func([]Packet) []Packet
	// Before returns the bytes before an interleaved frame.
	Before func(n int) []byte
	// NoReports leaves out sender reports.
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

// quirkOf returns the quirk of a path, or nil. The text behind a tilde distinguishes streams of one quirk.
func quirkOf(path string) *Quirk { return quirks[before(path, "~")] }

// Quirks returns all quirks, by name.
func Quirks() (out []*Quirk) {
	for _, q := range quirks {
		out = append(out, q)
	}
	slices.SortFunc(out, func(a, b *Quirk) int { return cmp.Compare(a.Name, b.Name) })
	return out
}
