package media

import "time"

// StreamInfo describes a stream at one moment.
type StreamInfo struct {
	Path           string
	State          string // live, connecting, waiting, configured
	Origin         string // of the publisher
	Pull           string // URL without credentials
	Configured     bool
	Tracks         []TrackInfo
	Unrecorded     []string // codecs of tracks that cannot be recorded
	Bytes          uint64
	AccessUnits    uint64
	LastAccessUnit time.Time // zero before the first
	Losses         []Loss    // by cause
	Repairs        []Repair  // by cause
	Refused        uint64    // publishers, because the path had one
	Subscribers    int
	LastError      string // of the last pull that failed
	PullFailed     uint64 // times
}

// Loss counts the packets, NAL units or access units that were left out for one cause.
type Loss struct {
	Cause string
	Count uint64
}

// Repair counts what was put right in what a publisher sends: no picture was lost
// by it.
type Repair struct {
	Cause string `json:"cause" doc:"a stable word; shared_timestamp and timestamp_outlier: pictures that were given another time; nal_unit_undefined, nal_unit_malformed and enhancement_layer: NAL units that were left out; duplicate_packet and late_packet: packets that were left out; foreign_report: sender reports that were left out; frequent_change: key frames with other parameter sets than the last, too often for a file each"`
	Count uint64 `json:"count" doc:"pictures, NAL units, packets or reports"`
}
