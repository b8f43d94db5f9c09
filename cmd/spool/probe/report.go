package probe

// Report describes a file or a live stream. It is the JSON of --json. The names of the fields end with their units:
// ms are milliseconds, bps bits per second.
type Report struct {
	Source     string    `json:"source"` // path, or URL without user, password and path
	Container  Container `json:"container"`
	DurationMS float64   `json:"duration_ms"` // of the longest track
	BitrateBPS float64   `json:"bitrate_bps"` // of all tracks, without the container
	// AVStartOffsetMS is the time from the first picture to the first sound; negative if the sound begins first. It is
	// absent without pictures or without sound.
	AVStartOffsetMS *float64  `json:"av_start_offset_ms,omitempty"`
	Tracks          []Track   `json:"tracks"`
	LeftOut         []LeftOut `json:"left_out,omitempty"` // tracks that spool cannot record
	Faults          []Fault   `json:"faults"`             // of the times; empty if there are no faults
	Losses          []Count   `json:"losses,omitempty"`   // of a live stream: packets and access units left out, by cause
	Repairs         []Count   `json:"repairs,omitempty"`  // of a live stream: corrections of times and packets, by cause
}

// Container describes a file or a connection.
type Container struct {
	Format      string     `json:"format"` // mp4, fmp4 (fragmented), or live
	SizeBytes   int64      `json:"size_bytes,omitempty"`
	CutOffBytes int64      `json:"cut_off_bytes,omitempty"` // of an incomplete fragment at the end of the file
	Writer      string     `json:"writer,omitempty"`        // spool or other
	Recording   *Recording `json:"recording,omitempty"`     // of a file that spool wrote
}

// Recording holds the facts that spool stores in a file. Times are RFC 3339 in UTC.
type Recording struct {
	ID        string  `json:"id"`
	Stream    string  `json:"stream"`
	Pipeline  string  `json:"pipeline,omitempty"`
	State     string  `json:"state"` // recording: it grows, or a crash left it; finished; recovered
	Start     string  `json:"start"`
	End       string  `json:"end,omitempty"`
	EndReason string  `json:"end_reason,omitempty"`
	Protected bool    `json:"protected,omitempty"`
	GapBefore *Gap    `json:"gap_before,omitempty"` // media missing before the file
	Gaps      []Gap   `json:"gaps,omitempty"`       // media missing in the file
	Events    []Event `json:"events,omitempty"`
}

// Gap describes media that spool reports as missing.
type Gap struct {
	Cause       string  `json:"cause"`
	Start       string  `json:"start,omitempty"`
	DurationMS  float64 `json:"duration_ms"`
	Track       int     `json:"track,omitempty"` // from 1; absent: all tracks
	AccessUnits int     `json:"access_units,omitempty"`
}

// Event is an event of the recording.
type Event struct {
	ID    string `json:"id"`
	Name  string `json:"name,omitempty"`
	At    string `json:"at"`
	Start string `json:"start"`
	End   string `json:"end"`
}

// Track describes one track.
type Track struct {
	Track        int     `json:"track"` // number, from 1, as in the other parts of the report
	Kind         string  `json:"kind"`
	Codec        string  `json:"codec"`
	MIME         string  `json:"mime"` // codecs parameter of RFC 6381
	Language     string  `json:"language,omitempty"`
	WidthPixels  int     `json:"width_pixels,omitempty"`
	HeightPixels int     `json:"height_pixels,omitempty"`
	SampleRateHz int     `json:"sample_rate_hz,omitempty"`
	Channels     int     `json:"channels,omitempty"`
	TimescaleHz  uint32  `json:"timescale_hz"`
	StartMS      float64 `json:"start_ms"` // presentation time of the first access unit, after the edit list
	DurationMS   float64 `json:"duration_ms"`
	AccessUnits  int64   `json:"access_units"`
	SizeBytes    int64   `json:"size_bytes"`
	BitrateBPS   float64 `json:"bitrate_bps"`
	FrameRateFPS float64 `json:"frame_rate_fps,omitempty"` // pictures only

	AccessUnitMS *Spread `json:"access_unit_ms,omitempty"` // durations; absent with fewer than two access units
	GOPs         *GOPs   `json:"gops,omitempty"`           // pictures only
}

// Spread summarises numbers.
type Spread struct {
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
	// Deviation is the standard deviation. For durations of access units it does not include gaps.
	Deviation float64 `json:"deviation"`
}

// GOPs describes the groups of pictures of a track: each lasts from a sync sample to the next one.
type GOPs struct {
	Count  int64  `json:"count"`
	Frames Spread `json:"frames"`
	LongMS Spread `json:"duration_ms"`
	// Structure is closed, open or mixed. A GOP is open if pictures after its sync sample in decoding order are shown
	// before it, and refer to the GOP before.
	Structure string `json:"structure"`
	Open      int64  `json:"open"` // number of open GOPs
	// BFrames counts the pictures that are shown before a picture that was decoded earlier, and BFramesInARow the
	// longest run of them.
	BFrames         int64 `json:"b_frames"`
	BFramesInARow   int64 `json:"b_frames_in_a_row"`
	BeforeFirstSync int64 `json:"pictures_before_first_sync"` // that no decoder can show
}

// LeftOut names a track that spool cannot record.
type LeftOut struct {
	Track  uint32 `json:"track_id,omitempty"` // ID in the file
	Reason string `json:"reason"`
}

// Count counts occurrences of one cause.
type Count struct {
	Cause string `json:"cause"`
	Count uint64 `json:"count"`
}

// FaultKind is a kind of faults of times.
type FaultKind string

// The kinds of faults.
const (
	TimeBack     FaultKind = "time_back"     // the decoding time is before that of the previous access unit
	ZeroDuration FaultKind = "zero_duration" // the next access unit has the same decoding time
	TimeGap      FaultKind = "gap"           // an access unit lasts gapTimes as long as the median, and gapLeastMS longer
	Jitter       FaultKind = "jitter"        // the standard deviation of durations is more than jitterShare of the median
	StartOffset  FaultKind = "start_offset"  // pictures and sound begin more than maxStartOffsetMS apart
	BeyondData   FaultKind = "beyond_data"   // the bytes of an access unit are behind the end of the file
)

// Fault describes the faults of one kind in one track.
type Fault struct {
	Kind   FaultKind `json:"kind"`
	Track  int       `json:"track"` // as Track.Track; 0 for start_offset
	Count  int64     `json:"count"`
	Places []Place   `json:"places,omitempty"` // some of them: the longest gaps, the first of other faults
}

// Place is a place of a fault.
type Place struct {
	AtMS       float64 `json:"at_ms"` // decoding time, after the edit list
	DurationMS float64 `json:"duration_ms,omitempty"`
}

// The bounds of the faults.
const (
	gapTimes         = 1.75
	gapLeastMS       = 10.0
	jitterShare      = 0.25
	maxStartOffsetMS = 100.0
	maxPlaces        = 8
)
