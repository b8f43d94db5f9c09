package isobmff_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// built adds columns to a builder chunk by chunk, and returns the samples and the table that is read back.
func built(t testing.TB, c *media.Columns, perChunk int, shift int64, begin, apart int64) (want []isobmff.Sample, table *isobmff.SampleTable) {
	var b isobmff.TableBuilder
	at := begin
	for from := 0; from < c.Len(); from += perChunk {
		to := min(from+perChunk, c.Len())
		part := media.Columns{DTS: c.DTS[from:to], OffsetTicks: c.OffsetTicks[from:to], SizeBytes: c.SizeBytes[from:to], Flags: c.Flags[from:to], EndTicks: c.EndTicks}
		if to < c.Len() {
			part.EndTicks = c.DTS[to]
		}
		b.Add(&part, shift, at)
		for i := from; i < to; i++ {
			want = append(want, isobmff.Sample{
				DTS: c.DTS[i] - c.DTS[0], DurationTicks: c.DurationTicks(i), OffsetTicks: c.OffsetTicks[i], SizeBytes: c.SizeBytes[i], Sync: c.Flags[i]&media.FlagSync != 0, At: at,
			})
			at += int64(c.SizeBytes[i])
		}
		at += apart
	}
	var w isobmff.Writer
	b.Write(&w)
	require.LessOrEqual(t, len(w.B), b.Bytes())
	require.Equal(t, uint64(c.Len()), b.Count)
	require.Equal(t, c.DTS[0]+shift, b.FirstTicks)
	require.Equal(t, c.EndTicks+shift, b.EndTicks)
	require.Equal(t, c.EndTicks-c.DTS[0], b.DurationTicks())
	table, err := isobmff.ReadSampleTable(w.B)
	require.NoError(t, err)
	require.Equal(t, b.DurationTicks(), table.Ticks())
	return want, table
}

func TestTablesAreReadAsTheyWereBuilt(t *testing.T) {
	for name, c := range runs() {
		for _, perChunk := range []int{1, 3, 100} {
			for _, begin := range []int64{100, 1<<32 + 100} { // stco, and co64
				want, table := built(t, &c, perChunk, -1000, begin, 50)
				require.Equal(t, want, samples(t, table), "%s, %d a chunk, from %d", name, perChunk, begin)
			}
		}
	}
}

// FuzzTables: any columns are read as they were built into tables.
func FuzzTables(f *testing.F) {
	f.Add(uint64(1), uint8(5), uint8(2))
	f.Add(uint64(6), uint8(200), uint8(7))
	f.Fuzz(func(t *testing.T, seed uint64, n, perChunk uint8) {
		c := anyColumns(seed, int(n)+1)
		want, table := built(t, &c, int(perChunk)+1, 7, 1<<32-500, int64(seed%1000))
		require.Equal(t, want, samples(t, table))
	})
}

// Each reads the columns directly, with the same result as through their boxes.
func TestEachYieldsTheSamplesOfTheTables(t *testing.T) {
	for seed := range uint64(40) {
		c := anyColumns(seed, 1+int(seed*37%700))
		var builder isobmff.TableBuilder
		builder.Add(&c, 7, 1000)
		builder.Add(&media.Columns{}, 7, 1000)
		shift := c.EndTicks - c.DTS[0]
		builder.Add(&c, 7+shift, 1<<32+500)
		var w isobmff.Writer
		builder.Write(&w)
		table, err := isobmff.ReadSampleTable(w.B)
		require.NoError(t, err)
		want := samples(t, table)
		var got []isobmff.Sample
		builder.Each(func(s *isobmff.Sample) {
			moved := *s
			moved.DTS -= builder.FirstTicks
			got = append(got, moved)
		})
		require.Equal(t, want, got)
	}
}
