package h264

import (
	"bytes"

	parser "github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"github.com/gospool/spool/pipeline/codec/bitstream"
	"github.com/gospool/spool/pipeline/guard"
)

// sets holds the parameter sets that slices of a track refer to, and memory that asIDR reuses for the slice
// that it returns.
type sets struct {
	sps  [32]*parser.SPS
	pps  [256]*ppsFields
	rbsp []byte
	made []byte
	nal  []byte
}

// ppsFields holds the fields of a PPS on which slice headers depend (ITU-T H.264, 7.3.2.2).
type ppsFields struct {
	id, sps    uint32
	cabac      bool // entropy_coding_mode_flag
	fieldOrder bool // bottom_field_pic_order_in_frame_present_flag
	deblocking bool // deblocking_filter_control_present_flag
	redundant  bool // redundant_pic_cnt_present_flag
}

// take stores parameter sets. It ignores a set that cannot be read.
func (h *sets) take(nals ...[]byte) {
	for _, nal := range nals {
		switch {
		case len(nal) < 2:
		case nal[0]&0x1f == SPSType:
			sps := &parser.SPS{}
			if guard.Call(func() error { return sps.Unmarshal(bytes.Clone(nal)) }) == nil && sps.ID < 32 {
				h.sps[sps.ID] = sps
			}
		case nal[0]&0x1f == PPSType:
			if pps := readPPS(nal); pps != nil {
				h.pps[pps.id] = pps
			}
		}
	}
}

// of returns the parameter sets of a slice, given the id of its PPS, or nil if one of them is not known.
func (h *sets) of(id uint32) (*ppsFields, *parser.SPS) {
	if id >= uint32(len(h.pps)) || h.pps[id] == nil {
		return nil, nil
	}
	p := h.pps[id]
	if h.sps[p.sps] == nil {
		return nil, nil
	}
	return p, h.sps[p.sps]
}

// readPPS reads the fields of a PPS that ppsFields has. It returns nil for a PPS that cannot be read, and for
// one with slice groups, which only the Baseline and Extended profiles allow and encoders do not use.
func readPPS(nal []byte) *ppsFields {
	r := bitstream.NewReader(bitstream.Unescape(nil, nal[1:]))
	p := &ppsFields{id: r.UE(), sps: r.UE()}
	p.cabac, p.fieldOrder = r.Flag(), r.Flag()
	groups := r.UE()
	r.UE() // num_ref_idx_l0_default_active
	r.UE() // num_ref_idx_l1_default_active
	r.Skip(1 + 2)
	r.SE() // quantizers
	r.SE()
	r.SE()
	p.deblocking = r.Flag()
	r.Skip(1)
	p.redundant = r.Flag()
	if r.Short() || groups != 0 || p.id > 255 || p.sps > 31 {
		return nil
	}
	return p
}
