"""A simulated Huawei Cloud region: RDS v3 and Cloud Eye's events as their API references say."""
