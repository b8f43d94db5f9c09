package rtp

import (
	"encoding/binary"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
)

func (f *Format) vp9(of media.Codec) (Config, error) {
	return f.pictures(of, &vp9Payload{}), nil
}

// vp9Payload implements RFC 9628. The layer frames of a picture become a superframe.
type vp9Payload struct {
	sizes []int // of the whole layer frames in the picture
	whole bool  // the newest layer frame is whole
}

// The bits of the first byte of the payload descriptor (RFC 9628, 4.2).
const (
	vp9PictureID = 0x80
	vp9Inter     = 0x40
	vp9Layers    = 0x20
	vp9Flexible  = 0x10
	vp9Begin     = 0x08
	vp9End       = 0x04
	vp9Structure = 0x02
)

const maxLayersVP9 = 8 // of a picture: frames in a superframe, and spatial layers

func (v *vp9Payload) unpack(u *ingest.Unit, p []byte) error {
	body, err := bodyVP9(p)
	if err != nil {
		return err
	}
	switch {
	case p[0]&vp9Begin == 0:
		if !u.Open() || v.whole {
			return errFragment
		}
	case !u.Open():
		u.Begin()
		v.sizes = v.sizes[:0]
	case !v.whole || len(v.sizes) == maxLayersVP9:
		return errPacking
	}
	u.Add(body...)
	if v.whole = p[0]&vp9End != 0; v.whole {
		size := u.Size()
		for _, n := range v.sizes {
			size -= n
		}
		v.sizes = append(v.sizes, size)
	}
	return nil
}

// end adds the index of a superframe (annex B of the VP9 specification) behind several layer frames.
func (v *vp9Payload) end(u *ingest.Unit) {
	if !u.Open() || !v.whole {
		return
	}
	if n := len(v.sizes); n > 1 {
		marker := 0xc0 | 3<<3 | byte(n-1) // each size has 4 bytes
		u.Add(marker)
		for _, size := range v.sizes {
			u.Add(binary.LittleEndian.AppendUint32(nil, uint32(size))...)
		}
		u.Add(marker)
	}
	u.End()
}

func (v *vp9Payload) joins(p []byte) bool { return p[0]&vp9Begin == 0 }

// bodyVP9 returns the payload after the payload descriptor.
func bodyVP9(p []byte) ([]byte, error) {
	d := descriptor{p: p[1:]}
	if p[0]&vp9PictureID != 0 && d.next()&0x80 != 0 {
		d.skip(1)
	}
	if p[0]&vp9Layers != 0 {
		d.skip(1)
		if p[0]&vp9Flexible == 0 {
			d.skip(1) // TL0PICIDX
		}
	}
	if p[0]&(vp9Flexible|vp9Inter) == vp9Flexible|vp9Inter {
		for i := 1; d.next()&1 != 0; i++ { // N: another reference follows
			if i == 3 {
				return nil, errPacking
			}
		}
	}
	if p[0]&vp9Structure != 0 {
		d.structure()
	}
	if d.short || len(d.p) == 0 {
		return nil, errShort
	}
	return d.p, nil
}

// descriptor reads the bytes of a payload descriptor.
type descriptor struct {
	p     []byte
	short bool // the descriptor is cut
}

func (d *descriptor) next() (b byte) {
	if len(d.p) == 0 {
		d.short = true
		return 0
	}
	b, d.p = d.p[0], d.p[1:]
	return b
}

func (d *descriptor) skip(n int) {
	if d.short = d.short || n > len(d.p); !d.short {
		d.p = d.p[n:]
	}
}

// structure skips the scalability structure (RFC 9628, 4.2.1).
func (d *descriptor) structure() {
	flags := d.next()
	if flags&0x10 != 0 { // Y: a size for each spatial layer
		d.skip(4 * (int(flags>>5) + 1))
	}
	if flags&0x08 != 0 { // G: a description of the pictures in a group
		for range d.next() {
			d.skip(int(d.next() >> 2 & 3)) // R: the number of references
		}
	}
}
