package isobmff

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// TestTablesAreCompact measures the bytes of memory per access unit for a day of 60 fps pictures with B-frames and of
// sound in one file.
func TestTablesAreCompact(t *testing.T) {
	var tbl TableBuilder
	c := media.Columns{}
	dts := int64(0)
	for range 60 {
		c.DTS, c.OffsetTicks = append(c.DTS, 0), append(c.OffsetTicks, 0)
		c.SizeBytes, c.Flags = append(c.SizeBytes, 0), append(c.Flags, 0)
	}
	for range 3600 {
		for i := range c.DTS {
			c.DTS[i] = dts
			dts += 1500
			c.OffsetTicks[i] = int32(i*7%3+1) * 1500
			c.SizeBytes[i] = uint32(10000 + i*977%20000)
			c.Flags[i] = 0
		}
		c.Flags[0], c.EndTicks = media.FlagSync, dts
		tbl.Add(&c, 0, dts)
	}
	held := 0
	for _, v := range []*varints{&tbl.deltas.col, &tbl.offsets.col, &tbl.sizes, &tbl.sync, &tbl.spans.col, &tbl.starts} {
		held += len(v.blocks) * blockBytes
	}
	require.Less(t, float64(held)/float64(tbl.Count), 7.0)
	var w Writer
	tbl.Write(&w)
	require.LessOrEqual(t, len(w.B), tbl.Bytes(), "the estimate makes room for all of it")
}
