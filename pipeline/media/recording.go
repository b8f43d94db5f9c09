package media

import (
	"errors"
	"slices"
)

// State is the state of a recording or of a location. Rows of the database and answers of the API contain the
// word itself.
type State string

// The states of a recording.
const (
	// The file grows. If the recording has an EndReason, the file is no longer written and waits to be finished.
	StateRecording State = "recording"
	StateFinished  State = "finished"  // the file is complete under its final name
	StateRecovered State = "recovered" // recovery finished the file after a crash
	StateLost      State = "lost"      // the file is gone
	StateRemote    State = "remote"    // the file is gone here, and another place has a whole copy: see Locations
)

// StateUnwanted is a state of locations only: the recording was deleted. The program that owns that place
// deletes the file and then the location.
const StateUnwanted State = "unwanted"

// Here reports whether the recording's own recorder has the file.
func (s State) Here() bool { return s != StateLost && s != StateRemote }

// Whole reports whether a file in this state has all media of the recording.
func (s State) Whole() bool { return s == StateFinished || s == StateRecovered }

// LostInCrash is the clause that describes the media missing at the end of a recovered recording. Recovery
// reports damage inside the file separately.
const LostInCrash = "up to flush_interval of media in memory"

// Recording describes one segment for the catalogue. A later value with the same ID replaces the earlier one.
type Recording struct {
	ID         ID
	Stream     string
	Pipeline   string
	Path       string // path of the file, slash-separated, relative to the record directory
	Directory  string // identity of the record directory; empty means the record directory of the recording's node
	State      State
	StartUTC   int64
	EndUTC     int64 // end of the last access unit
	DurationNS int64 // duration of the media
	SizeBytes  int64 // size of the file
	Tracks     []TrackInfo
	EndReason  Cause
	Gap        Gap     // media missing before the file
	Gaps       []Gap   // media missing inside the file, see JoinGap; set when the file is finished; immutable
	Anchors    Anchors // wall clock of the media; empty if unknown; immutable
	Protected  bool
	Events     []Event // events with media in the file, within MaxEvents and MaxEventBytes; immutable

	// Beyond lists events with media in the file that do not fit into Events. Each is in one value of the
	// recording only; the catalogue stores it from that value.
	Beyond []Event
}

// Unpooled returns a copy that shares no memory with the recording.
func (r Recording) Unpooled() Recording {
	r.Tracks, r.Gaps, r.Anchors = slices.Clone(r.Tracks), slices.Clone(r.Gaps), slices.Clone(r.Anchors)
	r.Events, r.Beyond = copyEvents(r.Events), copyEvents(r.Beyond)
	return r
}

// Check returns an error if a recording from foreign code, such as a go-streams flow, has no ID.
func (r Recording) Check() error {
	if r.ID == (ID{}) {
		return errors.New("it has no ID")
	}
	return nil
}

// Location is a place that has the file of a recording: a node's record directory, or a bucket.
type Location struct {
	Node      string // the recorder whose disk it is; empty for a bucket
	Directory string // identity of its record directory; empty if unknown
	Bucket    string // name of the bucket; empty for a disk
	Path      string // path as in Recording; the key in a bucket
	SizeBytes int64
	Checksum  string // algorithm:hexadecimal; empty if unknown
	State     State  // state of the file at this place
}

// DeletedFile names a file that retention or a client deletes, or has deleted, from the disk.
type DeletedFile struct {
	ID   ID     // ID of the file's recording; zero if the file belongs to no recording
	Path string // path as in Recording
}

// TrackInfo describes a track in the catalogue.
type TrackInfo struct {
	Kind       string `json:"kind"`
	Codec      string `json:"codec"`
	Width      int    `json:"width,omitempty"`
	Height     int    `json:"height,omitempty"`
	SampleRate int    `json:"sample_rate,omitempty"`
	Channels   int    `json:"channels,omitempty"`
}

// Info returns the tracks as the catalogue describes them.
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

// PartSuffix ends the name of a growing file, and of a file that a crash left and recovery has not finished.
// The rename to the final name removes it.
const PartSuffix = ".part"
