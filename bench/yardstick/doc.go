// Package yardstick measures what recording costs, and the least that it could cost: a bare write of the same bytes,
// and one into preallocated room. spool bench, the benchmarks of the muxer and those of other muxers measure with it,
// so that their figures mean the same.
package yardstick
