package media

import "time"

// StreamInfo describes a stream at one moment.
type StreamInfo struct {
	Path           string
	State          string // live, connecting, waiting, configured
	Origin         string // the publisher's address
	Pull           string // URL without credentials
	Configured     bool
	Tracks         []TrackInfo
	Unrecorded     []string // codecs of the tracks that cannot be recorded
	Bytes          uint64
	AccessUnits    uint64
	LastAccessUnit time.Time // zero before the first
	Losses         []Loss    // by cause
	Repairs        []Repair  // by cause
	Refused        uint64    // publishers refused because the path had one
	Subscribers    int
	LastError      string // error of the last failed pull
	PullFailed     uint64 // number of failed pulls
}

// Loss counts the packets, NAL units or access units left out for one cause.
type Loss struct {
	Cause string
	Count uint64
}

// Repair counts corrections of a publisher's media. No picture is lost by a correction.
type Repair struct {
	Cause string `json:"cause" doc:"a stable word; shared_timestamp and timestamp_outlier: pictures that were given another time; nal_unit_undefined, nal_unit_malformed and enhancement_layer: NAL units that were left out; duplicate_packet and late_packet: packets that were left out; foreign_report: sender reports that were left out; frequent_change: key frames with other parameter sets than the last, too often for a file each"`
	Count uint64 `json:"count" doc:"pictures, NAL units, packets or reports"`
}
