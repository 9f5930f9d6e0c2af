#include "resnet_engine_plugin.h"
