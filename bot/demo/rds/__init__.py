"""A simulated Huawei Cloud region: RDS v3 as its API reference describes it."""
