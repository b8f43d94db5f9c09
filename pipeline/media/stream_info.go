package media

import "time"

// StreamInfo describes a stream at one moment.
type StreamInfo struct {
	Path           string
	State          string // live, connecting, waiting or configured
	Origin         string // network address of the publisher
	Pull           string // URL from which spool pulls the stream, without credentials; empty if spool does not pull
	Configured     bool   // the configuration names the stream
	Tracks         []TrackInfo
	Unrecorded     []string // codecs of the tracks that cannot be recorded
	Bytes          uint64
	AccessUnits    uint64
	LastAccessUnit time.Time // time of the last access unit; zero before the first
	Losses         []Loss    // packets and units left out, by cause
	Repairs        []Repair  // corrections, by cause
	Refused        uint64    // number of publishers refused because the stream had a publisher already
	Subscribers    int
	LastError      string // error of the last failed pull
	PullFailed     uint64 // number of failed pulls
}

// Loss counts the packets, NAL units or access units that were left out for one cause of drops.
type Loss struct {
	Cause string
	Count uint64
}

// Repair counts the corrections that spool made to a publisher's media for one cause. A correction loses no
// picture.
type Repair struct {
	Cause string `json:"cause" doc:"a stable word; shared_timestamp and timestamp_outlier: pictures that were given another time; nal_unit_undefined, nal_unit_malformed and enhancement_layer: NAL units that were left out; duplicate_packet and late_packet: packets that were left out; foreign_report: sender reports that were left out; frequent_change: key frames with other parameter sets than the last, too often for a file each"`
	Count uint64 `json:"count" doc:"pictures, NAL units, packets or reports"`
}
