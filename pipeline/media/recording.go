package media

import (
	"errors"
	"slices"
)

// State is where a recording is in its life. It is stored as it stands.
type State string

// The states of a recording.
const (
	StateRecording State = "recording" // its file grows; with an end reason, it does not any more and is yet to be finished
	StateFinished  State = "finished"  // its file is complete under its final name
	StateRecovered State = "recovered" // finished by recovery after a crash
	StateLost      State = "lost"      // its file is gone
	StateRemote    State = "remote"    // its file is gone, and another place has it whole: see Locations
)

// StateUnwanted is the state of a location alone: its recording was deleted, and whoever
// has that place deletes what is there, and then the location.
const StateUnwanted State = "unwanted"

// Here reports whether the recorder has the file.
func (s State) Here() bool { return s != StateLost && s != StateRemote }

// Whole reports whether a place in this state has all of a recording.
func (s State) Whole() bool { return s == StateFinished || s == StateRecovered }

// LostInCrash is what is known of the end of a recovered recording. What of its
// file was damaged is told by recovery.
const LostInCrash = "up to flush_interval of media in memory"

// Recording is the catalogue's knowledge of one segment. A new value with the
// same ID replaces the one before.
type Recording struct {
	ID         ID
	Stream     string
	Pipeline   string
	Path       string // of the file, slash-separated, relative to the record directory
	Directory  string // identity of that directory; empty: the one of whoever has the recording
	State      State
	StartUTC   int64 // ns
	EndUTC     int64 // ns, wall clock of the end of the last access unit
	DurationNS int64 // ns of media
	SizeBytes  int64 // bytes of the file
	Tracks     []TrackInfo
	EndReason  Cause
	Gap        Gap     // what is missing before it
	Gaps       []Gap   // what is missing inside of it, see JoinGap; known when it is finished; not changed any more
	Anchors    Anchors // its wall clock; none where it is not known, as of older files; not changed any more
	Protected  bool
	Events     []Event // that it holds media of, as many as it names; not changed any more

	// Beyond are events that it holds media of and cannot name. Each is told of with
	// one value of the recording only: whoever keeps events takes it from there.
	Beyond []Event
}

// Unpooled returns a copy that shares nothing with the recording.
func (r Recording) Unpooled() Recording {
	r.Tracks, r.Gaps, r.Anchors = slices.Clone(r.Tracks), slices.Clone(r.Gaps), slices.Clone(r.Anchors)
	r.Events, r.Beyond = copyEvents(r.Events), copyEvents(r.Beyond)
	return r
}

// Check is Chunk.Check for a recording.
func (r Recording) Check() error {
	if r.ID == (ID{}) {
		return errors.New("it has no ID")
	}
	return nil
}

// Location is a place where a recording's footage lies: the disk of a recorder, or a
// bucket.
type Location struct {
	Node      string // the recorder; empty for a bucket
	Directory string // identity of its record directory; empty where it is not known
	Bucket    string // empty for a disk
	Path      string // as in Recording; in a bucket the key
	SizeBytes int64  // bytes
	Checksum  string // algorithm:hexadecimal; empty where there is none
	State     State  // of what is there
}

// DeletedFile is a recording's file that is gone from the disk, or goes.
type DeletedFile struct {
	ID   ID     // zero: no recording has it
	Path string // as in Recording
}

// TrackInfo is what the catalogue keeps of a track.
type TrackInfo struct {
	Kind       string `json:"kind"`
	Codec      string `json:"codec"`
	Width      int    `json:"width,omitempty"`
	Height     int    `json:"height,omitempty"`
	SampleRate int    `json:"sample_rate,omitempty"`
	Channels   int    `json:"channels,omitempty"`
}

// Info is the catalogue's view of the tracks.
func (s *TrackSet) Info() []TrackInfo {
	out := make([]TrackInfo, len(s.Tracks))
	for i := range s.Tracks {
		t := &s.Tracks[i]
		out[i] = TrackInfo{
			Kind: t.Kind().String(), Codec: t.Codec.String(),
			Width: t.Width, Height: t.Height,
			SampleRate: t.SampleRate, Channels: t.Channels,
		}
	}
	return out
}

// PartSuffix ends the name of a recording's file while the file grows, and after a
// crash until recovery has finished it. It is taken away then.
const PartSuffix = ".part"
