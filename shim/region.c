#include "region.h"

#include "wiped.h"

struct region region;
struct wiped wiped;
