// Package srt receives streams of MPEG-TS by SRT: as a server to which encoders publish, and as a puller. Package transport
// receives the data, and package mpegts demuxes it.
package srt
