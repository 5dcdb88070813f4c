#pragma once
// malloc_usable_size, for the memory that sessions are given.
#include <malloc.h>
#include <nghttp2/nghttp2.h>
